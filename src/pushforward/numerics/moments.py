"""Location, scale, range and correlation of the columns of a table, in float64, block by block."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True)
class Moments:
    """Weighted mean and standard deviation, smallest and largest value of each column; shape (columns,)."""

    loc: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray


def moments(parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> Moments:
    """Return the moments of columns, given as blocks (values (rows, columns), weights (rows,)) in float64.

    Blocks are merged by their means and sums of squares, so that a location far from zero costs no accuracy.
    Values are divided by the largest value so far, so that no square overflows or underflows.

    Reference:
        "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", Chan, Golub, LeVeque,
        1979.
    """
    total, mean, squares, unit, low, high = 0.0, 0.0, 0.0, 0.0, np.inf, -np.inf
    for values, weights in parts:
        low = np.minimum(low, values.min(axis=0))
        high = np.maximum(high, values.max(axis=0))
        span = np.maximum(np.abs(low), np.abs(high))
        span = np.where(span > 0, span, 1.0)
        squares = squares * (unit / span) ** 2
        unit = span
        weight = weights.sum()
        block_mean = weights @ (values / unit) / weight
        shift = block_mean - mean / unit
        squares = squares + weights @ np.square(values / unit - block_mean)
        squares = squares + np.square(shift) * (total * weight / (total + weight))
        mean = mean + shift * unit * (weight / (total + weight))
        total += weight
    return Moments(np.asarray(mean), np.sqrt(squares / total) * unit, np.asarray(low), np.asarray(high))


def covariance(parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the weighted covariance matrix of columns of order one, given as blocks as in `moments`."""
    total, mean, products = 0.0, np.zeros(1), np.zeros((1, 1))
    for values, weights in parts:
        weight = weights.sum()
        block_mean = weights @ values / weight
        centered = values - block_mean
        shift = block_mean - mean
        products = products + (weights[:, None] * centered).T @ centered
        products = products + np.outer(shift, shift) * (total * weight / (total + weight))
        mean = mean + shift * (weight / (total + weight))
        total += weight
    return products / total


def correlation(parts: Iterable[np.ndarray], of: Moments) -> np.ndarray:
    """Return the correlation matrix of columns with moments `of`, given as blocks (rows, columns) in float64."""
    total = np.zeros((len(of.loc), len(of.loc)))
    for block in parts:
        z = (block - of.loc) / of.scale
        total += z.T @ z
    norms = np.sqrt(np.diag(total))
    return total / np.outer(norms, norms)
