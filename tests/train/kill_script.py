"""Fit with a checkpoint and write the result; run by test_kill.py in a process of its own, to be killed.

python kill_script.py CHECKPOINT RESULT.npz
"""

import sys

import equinox as eqx
import jax
import numpy as np

from pushforward.bijections import Chain, Coupling, LULinear, Standardize
from pushforward.distributions import Pushforward, StandardNormal
from pushforward.networks import MLPSettings
from pushforward.train import fit
from pushforward.univariate import Affine


def main(checkpoint: str, result_path: str) -> None:
    x = np.random.default_rng(3).normal(size=(400, 3)) @ np.diag([1.0, 2.0, 3.0]) + 1
    x[:, 1] += x[:, 0] ** 2
    layer = Coupling.mlp(jax.random.key(1), Affine(), 3, network=MLPSettings((8,)))
    flow = Pushforward(StandardNormal((3,)), Chain([layer, LULinear(3), Standardize.unfitted((3,))]))
    result = fit(jax.random.key(0), flow, x, max_epochs=40, batch_size=64, checkpoint=checkpoint, progress=False)
    arrays = jax.tree.leaves(eqx.filter(result.flow, eqx.is_array))
    leaves = {f"leaf_{i}": np.asarray(a) for i, a in enumerate(arrays)}
    history = {f"history_{name}": np.asarray(losses) for name, losses in result.history.items()}
    counts = {"best_epoch": np.asarray(result.best_epoch), "skipped": np.asarray(result.skipped_steps)}
    np.savez(result_path, allow_pickle=False, **leaves, **counts, **history)


if __name__ == "__main__":
    main(*sys.argv[1:])
