"""Cost of a sample beside that of a log-density, of autoregressive flows of growing dimension.

    python -m benchmarks.sampling_cost [--events 20000] [--dims 2 8 32]

Medians of interleaved repetitions, compilation not counted. The last column compares the incremental form, which draws
the samples, with the parallel form: the largest |f(f⁻¹(x)) - x| / (1 + |x|) over the samples x.
"""

import argparse
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import pushforward as pf
from pushforward._fields import trainable


def _perturbed(flow: pf.Pushforward, key: Array, scale: float) -> pf.Pushforward:
    """Return the flow away from the identity, at which it starts."""
    mask = trainable(flow)
    leaves, structure = jax.tree.flatten(flow)
    keys = jax.random.split(key, len(leaves))
    moved = [
        leaf + scale * jax.random.normal(k, leaf.shape) / jnp.sqrt(leaf.shape[-1]) if learned else leaf
        for k, leaf, learned in zip(keys, leaves, jax.tree.leaves(mask), strict=True)
    ]
    return jax.tree.unflatten(structure, moved)


def _seconds(f: Callable[[], Array]) -> float:
    start = time.perf_counter()
    f().block_until_ready()
    return time.perf_counter() - start


def measure(dim: int, events: int, repetitions: int) -> str:
    keys = jax.random.split(jax.random.key(dim), 3)
    flow = _perturbed(pf.flows.nsf(keys[0], dim), keys[1], 0.1)
    x = flow.sample(keys[2], (events,))
    tasks = (lambda: flow.log_prob(x), lambda: flow.sample(keys[2], (events,)))
    for task in tasks:
        task().block_until_ready()
    times = np.median([[_seconds(task) for task in tasks] for _ in range(repetitions)], axis=0) / events * 1e6
    there_and_back = jax.jit(jax.vmap(lambda x: flow.bijection.forward(flow.bijection.inverse(x))))
    some = x[:2000]
    error = float(jnp.max(jnp.abs(there_and_back(some) - some) / (1 + jnp.abs(some))))
    return f"| {dim} | {times[0]:.1f} | {times[1]:.1f} | {times[1] / times[0]:.2f} | {error:.1e} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 8, 32])
    parser.add_argument("--repetitions", type=int, default=7)
    args = parser.parse_args()
    print("| dim | log_prob, µs | sample, µs | ratio | backward error |\n|---|---|---|---|---|")
    for dim in args.dims:
        print(measure(dim, args.events, args.repetitions), flush=True)


if __name__ == "__main__":
    main()
