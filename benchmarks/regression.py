"""Regression of UCI tables with their published splits, beside the linear model with Gaussian errors.

    python -m benchmarks.regression FOLDER [--sets concrete yacht] [--splits 2] [--first 0]

FOLDER holds a file NAME.npz for each table: `x`, `y`, and `test_0`, `test_1`, ... with the rows of each test set.
Printed is, for each split and on average with its standard error, the mean negative log-likelihood of the test rows, in
nats and in the units of y; the root mean squared error of the mean; the share of rows inside the central 90 %; and
seconds of fit and prediction, compilation included. A fit sees no test row; but the
defaults come from trials on splits of these tables, all but wine.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from pushforward.sklearn import FlowRegressor

SETS = ("concrete", "energy", "yacht", "kin8nm", "power-plant", "wine-quality-red")
Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
#: Figures of one split.
FIGURES = ("nll", "rmse", "inside 90 %", "seconds")


def split(path: Path, number: int) -> Split:
    """Return features and target of the training rows, and of the test rows."""
    with np.load(path) as file:
        x, y, test = file["x"].astype(np.float64), file["y"].astype(np.float64).ravel(), file[f"test_{number}"]
    train = np.setdiff1d(np.arange(len(y)), test)
    return x[train], y[train], x[test], y[test]


def linear(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> tuple[float, float, float, float]:
    """Return the figures of the linear model with Gaussian errors of one variance."""
    started = time.monotonic()
    design = np.c_[np.ones(len(x)), x]
    coefficients, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    variance = ((y - design @ coefficients) ** 2).sum() / (len(y) - rank)
    off = y_test - np.c_[np.ones(len(x_test)), x_test] @ coefficients
    nll = 0.5 * np.mean(off**2) / variance + 0.5 * np.log(2 * np.pi * variance)
    inside = np.mean(np.abs(off) < 1.6449 * np.sqrt(variance))
    return float(nll), float(np.sqrt(np.mean(off**2))), float(inside), time.monotonic() - started


def ours(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> tuple[float, float, float, float]:
    """Return the figures of `FlowRegressor` with its defaults."""
    started = time.monotonic()
    predicted = FlowRegressor(random_state=0).fit(x, y).predict_dist(x_test)
    nll, off = -predicted.logpdf(y_test).mean(), y_test - predicted.mean()
    low, high = predicted.interval(0.9)
    inside = np.mean((low <= y_test) & (y_test <= high))
    return float(nll), float(np.sqrt(np.mean(off**2))), float(inside), time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    for name in given.sets:
        found = {"pushforward": [], "linear": []}
        for number in range(given.first, given.first + given.splits):
            rows = split(given.folder / f"{name}.npz", number)
            for model, of in (("pushforward", ours), ("linear", linear)):
                found[model].append(of(*rows))
                figures = "  ".join(f"{f} {v:.3f}" for f, v in zip(FIGURES, found[model][-1], strict=True))
                print(f"{name} {number} {model:11s}  {figures}", flush=True)
        for model, each in found.items():
            table = np.asarray(each)
            errors = table.std(axis=0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else np.full(4, np.nan)
            pairs = zip(FIGURES, table.mean(axis=0), errors, strict=True)
            figures = "  ".join(f"{f} {v:.3f} ± {e:.3f}" for f, v, e in pairs)
            print(f"{name} mean {model:11s}  {figures}  ({len(table)} splits)", flush=True)


if __name__ == "__main__":
    main()
