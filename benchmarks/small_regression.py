"""Small tables: the held-out log-likelihood of `FlowRegressor` beside that of a Gaussian linear model.

    python -m benchmarks.small_regression --seeds 5 --rows 200

For each data set and seed a model is fitted to the rows, and judged on 2,000 others. The Gaussian linear model is that
of least squares, with the Student t predictive distribution of a flat prior.
"""

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
from scipy.stats import t as student

from pushforward.sklearn import FlowRegressor

TEST = 2000
Rows = tuple[np.ndarray, np.ndarray]


def linear(rng: np.random.Generator, n: int) -> Rows:
    """A linear model with Gaussian noise: the other model is right."""
    x = rng.normal(size=(n, 5))
    return x, x @ [1.0, -0.5, 0.25, 0.0, 0.0] + 0.7 * rng.normal(size=n)


def curved(rng: np.random.Generator, n: int) -> Rows:
    """A curve in two of five columns, with noise that grows."""
    x = rng.normal(size=(n, 5))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] ** 2 / 2 + 0.2 * np.exp(0.5 * x[:, 2]) * rng.normal(size=n)


def skewed(rng: np.random.Generator, n: int) -> Rows:
    """Positive and skewed, linear in the logarithm."""
    x = rng.normal(size=(n, 5))
    return x, np.exp(0.5 * x[:, 0] - 0.3 * x[:, 1] + 0.5 * rng.normal(size=n))


def noise(rng: np.random.Generator, n: int) -> Rows:
    """Nothing to learn."""
    return rng.normal(size=(n, 5)), rng.normal(size=n)


SETS: tuple[Callable[[np.random.Generator, int], Rows], ...] = (linear, curved, skewed, noise)


def gaussian(x: np.ndarray, y: np.ndarray, new: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean log-density of new rows under the predictive distribution of the linear model."""
    a, b = (np.column_stack([np.ones(len(rows)), rows]) for rows in (x, new))
    weights, *_ = np.linalg.lstsq(a, y)
    free = len(y) - a.shape[1]
    variance = np.square(y - a @ weights).sum() / free
    spread = np.sqrt(variance * (1 + np.einsum("ij,jk,ik->i", b, np.linalg.inv(a.T @ a), b)))
    return float(student.logpdf(truth, free, b @ weights, spread).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=200)
    args = parser.parse_args()
    print(f"{args.rows} rows, mean over {args.seeds} seeds, nats per row (higher is better)")
    print(f"{'':<8}{'linear':>9}{'flow':>9}{'difference':>18}{'worst':>9}{'seconds':>9}")
    for make in SETS:
        scores, started = [], time.monotonic()
        for seed in range(args.seeds):
            rng = np.random.default_rng(seed)
            x, y = make(rng, args.rows + TEST)
            fit, held = slice(0, args.rows), slice(args.rows, None)
            flow = FlowRegressor(random_state=seed).fit(x[fit], y[fit]).score(x[held], y[held])
            scores.append((gaussian(x[fit], y[fit], x[held], y[held]), flow))
        base, flow = np.asarray(scores).T
        gain = flow - base
        error = gain.std(ddof=1) / math.sqrt(len(gain)) if len(gain) > 1 else math.nan
        seconds = (time.monotonic() - started) / args.seeds
        means = f"{base.mean():>9.3f}{flow.mean():>9.3f}{gain.mean():>10.3f} ± {error:.3f}"
        print(f"{make.__name__:<8}{means}{gain.min():>9.3f}{seconds:>9.1f}", flush=True)


if __name__ == "__main__":
    main()
