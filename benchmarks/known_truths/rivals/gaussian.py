"""A Gaussian of full covariance; with a condition, linear regression with a Gaussian residual. Maximum likelihood."""

import math

import numpy as np
from scipy.linalg import solve_triangular

from . import LogProb


def _with_one(condition: np.ndarray | None, rows: int) -> np.ndarray:
    one = np.ones((rows, 1))
    return one if condition is None else np.concatenate([one, condition], axis=1)


def fit(x: np.ndarray, condition: np.ndarray | None, seed: int) -> LogProb:
    """Fit in closed form."""
    given = _with_one(condition, len(x))
    slopes = np.linalg.lstsq(given, x, rcond=None)[0]
    residual = x - given @ slopes
    cholesky = np.linalg.cholesky(residual.T @ residual / len(x))
    constant = np.log(np.diag(cholesky)).sum() + x.shape[1] / 2 * math.log(2 * math.pi)

    def log_prob(x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        z = solve_triangular(cholesky, (x - _with_one(condition, len(x)) @ slopes).T, lower=True)
        return -0.5 * (z**2).sum(axis=0) - constant

    return log_prob
