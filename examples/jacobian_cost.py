"""What a log-determinant costs: the flow's own, linear in the dimension, against the full Jacobian's, cubic.

    python examples/jacobian_cost.py [DIRECTORY]

Prints the times and draws DIRECTORY/jacobian_cost.png on logarithmic axes.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np

import pushforward as pf

DIMENSIONS = (16, 32, 64, 128, 256, 512, 1024)


def seconds(f: Callable[[jax.Array], jax.Array], z: jax.Array) -> float:
    """Return the time that f takes per event of the batch z, the best of five runs after the compilation."""
    compiled = jax.jit(jax.vmap(f))
    jax.block_until_ready(compiled(z))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        jax.block_until_ready(compiled(z))
        times.append(time.perf_counter() - start)
    return min(times) / len(z)


def main(directory: Path) -> None:
    own, full = [], []
    small = pf.networks.MLPSettings((32,))
    for dim in DIMENSIONS:
        univariate = pf.univariate.Affine()
        bijection = pf.bijections.Coupling.mlp(jax.random.key(0), univariate, dim, network=small)
        z = jax.random.normal(jax.random.key(1), (1024, dim))
        own.append(seconds(lambda z, f=bijection: f.forward_and_log_det(z)[1], z))
        few = z[: max(4, 4096 // dim)]
        full.append(seconds(lambda z, f=bijection: pf.evaluate.jacobian_log_det(f, z), few))
        print(f"dimension {dim:5d}: own {own[-1] * 1e6:8.2f} µs, full {full[-1] * 1e6:12.2f} µs per event")

    dimensions = np.array(DIMENSIONS)
    figure, ax = plt.subplots(figsize=(6.5, 5), layout="constrained")
    ax.loglog(dimensions, full, "o-", label="from the full Jacobian")
    ax.loglog(dimensions, own, "s-", label="the flow's own")
    ax.loglog(dimensions, full[-1] * (dimensions / dimensions[-1]) ** 3.0, "k:", label="cubic")
    ax.loglog(dimensions, own[-1] * (dimensions / dimensions[-1]) ** 1.0, "k--", label="linear")
    ax.set(xlabel="dimension", ylabel="seconds per event", title="log|det| of one coupling layer")
    ax.legend()
    figure.savefig(directory / "jacobian_cost.png", dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
