"""A kernel density estimate: Gaussian kernels of the data's covariance, times a bandwidth from held-out rows.

The bandwidth is a multiple of Scott's, n^(-1 / (d + 4)) in standard deviations: the one under which a tenth of the
rows, at most 1,000, is most likely given 20,000 of the others at most. With a condition, the density is that of
(condition, x) over that of the condition, and its likelihood chooses. At most 50,000 rows, drawn at random, carry
kernels.

Source: "Multivariate Density Estimation", Scott, 1992.
"""

import math

import numpy as np
from scipy.linalg import solve_triangular

from . import LogProb

MULTIPLES = np.geomspace(0.02, 2, 15)
KERNELS = 50_000
#: Numbers of a block of distances.
BLOCK = 2_000_000


def _join(x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
    return x if condition is None else np.concatenate([condition, x], axis=1)


def _squares(z: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    square = (z**2).sum(axis=1)[:, None] + (kernels**2).sum(axis=1) - 2 * z @ kernels.T
    return np.maximum(square, 0)


def _log_sum(square: np.ndarray, bandwidth: float) -> np.ndarray:
    """Return the logarithm of the sum of the kernels at each row, without their constants."""
    least = square.min(axis=1, keepdims=True)
    return np.log(np.exp((least - square) / (2 * bandwidth**2)).sum(axis=1)) - least[:, 0] / (2 * bandwidth**2)


class _Kernels:
    """Kernels at whitened rows, the first `given` columns of which are the condition."""

    def __init__(self, rows: np.ndarray, given: int):
        self._rows, self._given = rows, given

    def log_density(self, z: np.ndarray, bandwidths: np.ndarray) -> np.ndarray:
        """Return the log-density of the other columns given the first, a row for each bandwidth."""
        free = self._rows.shape[1] - self._given
        constant = free * np.log(bandwidths * math.sqrt(2 * math.pi))
        if not self._given:
            constant += math.log(len(self._rows))
        blocks = []
        for block in np.array_split(z, math.ceil(len(z) * len(self._rows) / BLOCK)):
            square = _squares(block, self._rows)
            total = np.stack([_log_sum(square, h) for h in bandwidths])
            if self._given:
                square = _squares(block[:, : self._given], self._rows[:, : self._given])
                total -= np.stack([_log_sum(square, h) for h in bandwidths])
            blocks.append(total - constant[:, None])
        return np.concatenate(blocks, axis=1)


def fit(x: np.ndarray, condition: np.ndarray | None, seed: int) -> LogProb:
    """Choose the bandwidth and keep the rows."""
    rows = _join(x, condition)
    given = rows.shape[1] - x.shape[1]
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    # The small addition is for columns of a condition that determine each other.
    correlation = np.atleast_2d(np.cov((rows - mean) / spread, rowvar=False)) + 1e-9 * np.eye(rows.shape[1])
    cholesky = np.linalg.cholesky(correlation)
    log_volume = np.log(np.diag(cholesky) * spread)[given:].sum()

    def whiten(rows: np.ndarray) -> np.ndarray:
        return solve_triangular(cholesky, ((rows - mean) / spread).T, lower=True).T

    z = np.random.default_rng(seed).permutation(whiten(rows))[:KERNELS]
    held = min(len(z) // 10, 1000)
    bandwidths = MULTIPLES * len(z) ** (-1 / (z.shape[1] + 4))
    found = _Kernels(z[held : held + 20_000], given).log_density(z[:held], bandwidths).mean(axis=1)
    best = bandwidths[[np.argmax(found)]]
    kernels = _Kernels(z, given)
    return lambda x, condition: kernels.log_density(whiten(_join(x, condition)), best)[0] - log_volume
