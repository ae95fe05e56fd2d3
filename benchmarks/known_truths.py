"""KL(truth || flow) of the default flow and fit on densities that are known, with the time each takes.

    python -m benchmarks.known_truths [NAME ...] [--rows 50000]

50,000 rows are seen, 100,000 fresh ones judge: KL = E_truth[log p_truth(x) - log p_flow(x)], in nats. The density of
eight Gaussians has radius 4 and standard deviation 0.3, the Gaussian in ten dimensions condition number 1000.
"""

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from scipy.special import logsumexp

import pushforward as pf

#: Rows, condition or None, and the log-density of the truth.
Draw = tuple[np.ndarray, np.ndarray | None, np.ndarray]


def _log_normal(z: np.ndarray, scale: Any = 1.0) -> np.ndarray:
    return -0.5 * z**2 - np.log(scale) - 0.5 * math.log(2 * math.pi)


def banana(rng: np.random.Generator, n: int) -> Draw:
    """x1 ~ N(0, 1), x2 ~ N(x1² / 2, 0.5²)."""
    x1, z = rng.normal(size=(2, n))
    x = np.stack([x1, x1**2 / 2 + 0.5 * z], axis=1)
    return x, None, _log_normal(x1) + _log_normal(z, 0.5)


def eight_gaussians(rng: np.random.Generator, n: int) -> Draw:
    """Eight Gaussians of standard deviation 0.3 on a circle of radius 4."""
    angles = np.arange(8) * math.pi / 4
    centers = 4 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x = centers[rng.integers(8, size=n)] + 0.3 * rng.normal(size=(n, 2))
    z = (x[:, None] - centers) / 0.3
    return x, None, logsumexp(_log_normal(z, 0.3).sum(axis=-1), axis=1) - math.log(8)


def conditional(rng: np.random.Generator, n: int) -> Draw:
    """y | c ~ N(sin 3c, (0.1 + 0.3 c²)²), c ~ U(-1, 1)."""
    c = rng.uniform(-1, 1, size=(n, 1))
    z, scale = rng.normal(size=(n, 1)), 0.1 + 0.3 * c**2
    return np.sin(3 * c) + scale * z, c, _log_normal(z, scale)[:, 0]


def gaussian_10d(rng: np.random.Generator, n: int) -> Draw:
    """A Gaussian in ten dimensions, rotated at random, of condition number 1000."""
    rotation = np.linalg.qr(np.random.default_rng(7).normal(size=(10, 10)))[0]
    scales = np.sqrt(np.geomspace(1, 1e-3, 10))
    z = rng.normal(size=(n, 10))
    return (z * scales) @ rotation.T, None, _log_normal(z, scales).sum(axis=1)


TRUTHS: dict[str, Callable[[np.random.Generator, int], Draw]] = {
    f.__name__: f for f in (banana, eight_gaussians, conditional, gaussian_10d)
}


def measure(name: str, rows: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    x, c, _ = TRUTHS[name](rng, rows)
    fresh, fresh_c, log_p = TRUTHS[name](rng, 100_000)
    start = time.monotonic()
    build, fit = jax.random.split(jax.random.key(seed))
    flow = pf.flows.nsf(build, x.shape[1], cond_dim=0 if c is None else c.shape[1])
    result = pf.fit(fit, flow, x, c)
    seconds = time.monotonic() - start
    gap = log_p - np.asarray(result.flow.log_prob(fresh, fresh_c), np.float64)
    error = gap.std() / math.sqrt(gap.size)
    return f"| {name} | {gap.mean():.4f} ± {error:.4f} | {len(result.history['train'])} | {seconds:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(TRUTHS)}; all by default")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print("| truth | KL, nats | epochs | seconds |\n|---|---|---|---|")
    for name in args.names or TRUTHS:
        print(measure(name, args.rows, args.seed), flush=True)


if __name__ == "__main__":
    main()
