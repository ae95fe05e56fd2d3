"""The Gaussian copula of mixed columns, a baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import log_ndtr, logsumexp, ndtr, ndtri

from ...columns import AbstractMarginal
from .coding import RowCells

#: Draws of each row at most and at least, and of all rows together.
MOST_DRAWS, FEWEST_DRAWS, ALL_DRAWS = 128, 8, 200_000
#: Rows of one pass.
ROWS = 2048
#: The lowest rank that has a finite normal score, and the smallest eigenvalue of a correlation.
LOWEST, SMALLEST = 1e-12, 1e-4


@final
@dataclass(frozen=True)
class GaussianCopula:
    """Columns whose ranks, taken to normal scores z, are jointly normal.

        log p(x) = log φ(z; 0, R) - Σ_j log φ(z_j) + Σ_j log p(x_j)

    A value with a probability is an interval of z. The probability of the intervals of a row given its points is
    estimated by importance sampling: one column after the other is drawn within its interval, given those before.

    Attributes:
        marginals: of the parts.
        correlation: R, of the middles of intervals.

    Reference:
        "Simulated Maximum Likelihood ... of Limited Dependent Variable Models", Geweke, Keane, and Hajivassiliou; see
        "Simulation of Multivariate Normal Rectangle Probabilities and Their Derivatives", Hajivassiliou, McFadden,
        Ruud, 1996.
    """

    marginals: tuple[AbstractMarginal, ...]
    correlation: Float[np.ndarray, "parts parts"]

    @staticmethod
    def of(marginals: Sequence[AbstractMarginal], cells: RowCells) -> "GaussianCopula":
        """Return the copula of rows."""
        low, high = _ranks(marginals, cells)
        z = np.asarray(ndtri(np.clip(0.5 * (low + high), LOWEST, 1 - LOWEST)))
        z = (z - np.nanmean(z, axis=0)) / np.maximum(np.nanstd(z, axis=0), LOWEST)
        seen = (~np.isnan(z)).astype(float)
        z = np.nan_to_num(z)
        # As if each pair had been seen in one more row, where it is independent.
        found = z.T @ z / (seen.T @ seen + 1.0)
        np.fill_diagonal(found, 1.0)
        values, vectors = np.linalg.eigh(found)
        found = vectors @ (np.maximum(values, SMALLEST)[:, None] * vectors.T)
        scale = np.sqrt(np.diag(found))
        return GaussianCopula(tuple(marginals), found / np.outer(scale, scale))

    @property
    def _levels(self) -> Bool[np.ndarray, " parts"]:
        return np.asarray([marginal.level_shares is not None for marginal in self.marginals])

    def log_prob(self, cells: RowCells) -> Float[np.ndarray, " rows"]:
        """Return the log-density of rows; missing cells are left out."""
        rng = np.random.default_rng(0)
        draws = int(np.clip(ALL_DRAWS // max(len(cells), 1), FEWEST_DRAWS, MOST_DRAWS))
        starts = range(0, max(len(cells), 1), ROWS)
        return np.concatenate([self._log_prob(cells[start : start + ROWS], rng, draws) for start in starts])

    def _log_prob(self, cells: RowCells, rng: np.random.Generator, draws: int) -> Float[np.ndarray, " rows"]:
        low, high = _ranks(self.marginals, cells)
        missing, point = np.isnan(low), (cells[..., 0] == cells[..., 1]) & ~self._levels
        # Points first: what intervals are drawn given points has the least weight to carry.
        order = np.argsort(-point.mean(axis=0), kind="stable")
        root = np.linalg.cholesky(self.correlation[np.ix_(order, order)])
        noise = np.zeros((len(cells), draws, len(order)))
        log_weight = np.zeros((len(cells), draws))
        each = np.stack([marginal.log_prob(cells[:, j]) for j, marginal in enumerate(self.marginals)], axis=1)
        for t, j in enumerate(order):
            mean, scale = noise[..., :t] @ root[t, :t], root[t, t]
            at = np.asarray(ndtri(np.clip(low[:, j], LOWEST, 1 - LOWEST)))[:, None]
            exact = (at - mean) / scale
            ends = [
                np.asarray(ndtri(np.where(missing[:, j], end, a[:, j])))[:, None] for end, a in ((0, low), (1, high))
            ]
            lower, upper = ((end - mean) / scale for end in ends)
            drawn, log_mass = _within(lower, upper, rng.uniform(size=mean.shape))
            is_point = point[:, j, None]
            noise[..., t] = np.where(is_point, exact, drawn)
            density = -0.5 * (exact**2 - at**2) - np.log(scale)
            # So far out that ranks tell the ends apart no longer: dependence is left out.
            log_mass = np.where(low[:, j, None] < high[:, j, None], log_mass, each[:, j, None])
            log_weight += np.where(is_point, np.nan_to_num(density), np.where(missing[:, j, None], 0.0, log_mass))
        joint = np.asarray(logsumexp(log_weight, axis=1)) - np.log(draws)
        return joint + np.where(point, each, 0.0).sum(axis=1) + _impossible(each)


def _ranks(marginals: Sequence[AbstractMarginal], cells: RowCells) -> tuple[np.ndarray, np.ndarray]:
    """Return the ranks of the lower and upper ends of cells, equal for points."""
    filled = np.nan_to_num(cells)
    low, high = (np.stack([m.ranks(filled[:, j, end]) for j, m in enumerate(marginals)], axis=1) for end in (0, 1))
    for j, marginal in enumerate(marginals):
        if marginal.level_shares is not None:
            low[:, j] = marginal.ranks(filled[:, j, 0] - 1)
    gone = np.isnan(cells[..., 0])
    # Shares may add up to a little more than one.
    return np.where(gone, np.nan, np.clip(low, 0, 1)), np.where(gone, np.nan, np.clip(high, 0, 1))


def _within(low: np.ndarray, high: np.ndarray, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return standard normal draws between ends, and the logarithms of the probabilities between them."""
    # In the lower half of the line probabilities keep their digits.
    turned = low > 0
    low, high = np.where(turned, -high, low), np.where(turned, -low, high)
    below, above = ndtr(low), ndtr(high)
    drawn = np.asarray(ndtri(np.clip(below + uniform * (above - below), 1e-300, 1 - 1e-16)))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_mass = log_ndtr(high) + np.log(-np.expm1(log_ndtr(low) - log_ndtr(high)))
    return np.where(turned, -drawn, drawn), np.nan_to_num(log_mass, nan=-700.0, neginf=-700.0)


def _impossible(each: np.ndarray) -> Float[np.ndarray, " rows"]:
    """Return minus infinity for rows with a value that cannot be, else zero."""
    return np.where(np.isneginf(each).any(axis=1), -np.inf, 0.0)
