"""How heavy the tails of columns are, by peaks over a threshold."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

#: The share of the rows beyond the threshold of a tail, and the fewest and the most of them that a fit needs.
SHARE, FEWEST, MOST = 0.1, 20, 500
#: A tail is heavy if its index is this many standard errors, of an exponential tail, above zero: a false alarm in one
#: of some hundreds of exponential tails.
ERRORS = 3.0
#: And if it is at least the smallest index, which is larger where both tails are heavy: such columns often have a
#: common scale, as those of a multivariate Student distribution, which a map of each column for itself takes apart.
#: With 3 and 4 degrees of freedom that cost a fit more than the tails gained, with 2 it did not.
SMALLEST, SMALLEST_OF_TWO, LIGHT = 0.15, 0.3, 0.05
#: The largest index; tails beyond it are left to the rest of a flow. Of a wider one, float32 would overflow at draws.
LARGEST = 2.0
#: The standard normal number below which three quarters of all lie.
QUARTILE = 0.6744897501960817


@final
@dataclass(frozen=True)
class Tails:
    """Location and scale, and the indices of the two tails of each column; shape (columns,).

    The index is ξ of P(x > t) ~ t^(-1/ξ): 1 for a Cauchy distribution, 1 / ν for Student's with ν degrees of freedom,
    and 0 for a tail as light as the exponential, or one that could be. A column with two such tails has location 0 and
    scale 1.
    """

    loc: np.ndarray
    scale: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def heavy(self) -> np.ndarray:
        """Whether a tail of the column is heavy."""
        return (self.left > 0) | (self.right > 0)


def tails(values: np.ndarray, weights: np.ndarray) -> Tails:
    """Return the tails of the columns of `values`, shape (rows, columns), with weights (rows,).

    A generalized Pareto distribution is fitted to the outermost tenth of each side, and to the outer quarter of that.
    Tails that may be of one index receive their mean: a symmetric column stays symmetric. The scale is such that the
    quartiles of loc + scale z exp(h z² / 2), z standard normal, with h the index of the side, are as far apart as those
    of the column.
    """
    found = Tails(*(np.full(values.shape[1], start) for start in (0.0, 1.0, 0.0, 0.0)))
    for j, column in enumerate(values.T if len(values) else ()):
        order = np.argsort(column, kind="stable")
        x, w = column[order], weights[order]
        left, right = _both(_side(-x[::-1], w[::-1]), _side(x, w))
        low, middle, high = _quantiles(x, w, (0.25, 0.5, 0.75))
        spread = QUARTILE * sum(math.exp(h * QUARTILE**2 / 2) for h in (left, right))
        if max(left, right) > 0 and high > low:
            found.loc[j], found.scale[j], found.left[j], found.right[j] = middle, (high - low) / spread, left, right
    return found


def pareto_index(excesses: np.ndarray, weights: np.ndarray) -> float:
    """Return ξ of the generalized Pareto distribution of sorted positive numbers; below zero for a bounded tail.

    Reference:
        "A New and Efficient Estimation Method for the Generalized Pareto Distribution", Zhang, Stephens, 2009.
    """
    share = weights / weights.sum()
    count = _count(weights)
    # The distribution has one parameter more, θ = -ξ / scale; its posterior mean, from a grid that is narrow around 0.
    size = 30 + int(math.sqrt(count))
    grid = 1 - np.sqrt(size / (np.arange(1, size + 1) - 0.5))
    unit = excesses[-1]
    y = excesses / unit
    theta = 1 + grid / (3 * _quantiles(y, weights, (0.25,))[0])
    shape = np.log1p(-theta[:, None] * y) @ share
    # θ and ξ vanish together, where the ratio is the reciprocal mean.
    near = np.abs(theta) < 1e-9
    ratio = np.where(near, 1 / (share @ y), -theta / np.where(near, 1.0, shape))
    log_density = count * (np.log(ratio) - shape - 1)
    posterior = np.exp(log_density - log_density.max())
    mean = posterior @ theta / posterior.sum()
    return float(np.log1p(-mean * y) @ share)


@final
@dataclass(frozen=True)
class _Side:
    """The index of one tail, the number of rows it comes from, 0 for too few, and the index of its outer quarter."""

    index: float = 0.0
    rows: float = 0.0
    outer: float = 0.0

    def heavy(self, smallest: float) -> float:
        """Return the index if the tail is heavy, else 0."""
        significant = self.rows > 0 and self.index > max(smallest, ERRORS / math.sqrt(self.rows))
        return min(self.index, LARGEST) if significant and self.outer > 0 else 0.0


def _side(x: np.ndarray, weights: np.ndarray) -> _Side:
    """Return what the upper tail of sorted numbers says."""
    rows = _count(weights)
    if SHARE * rows < FEWEST:
        return _Side()
    share = min(SHARE, MOST / rows)
    whole, outer = _beyond(x, weights, share), _beyond(x, weights, share / 4)
    if len(whole[0]) < FEWEST:
        return _Side()
    index = pareto_index(*whole)
    # A few rows far away, such as a second mode, look like a tail; from within them, their tail is light.
    return _Side(index, _count(whole[1]), pareto_index(*outer) if len(outer[0]) >= FEWEST else index)


def _both(left: _Side, right: _Side) -> tuple[float, float]:
    """Return the indices of the heavy tails; one index, if one could be that of both."""
    if min(left.index, right.index) < LIGHT:
        return left.heavy(SMALLEST), right.heavy(SMALLEST)
    error = (1 + max(left.index, right.index)) * math.sqrt(1 / left.rows + 1 / right.rows)
    if abs(left.index - right.index) < 2 * error:
        rows = left.rows + right.rows
        index = (left.rows * left.index + right.rows * right.index) / rows
        left = right = _Side(index, rows, (left.outer + right.outer) / 2)
    return left.heavy(SMALLEST_OF_TWO), right.heavy(SMALLEST_OF_TWO)


def _beyond(x: np.ndarray, weights: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much sorted numbers exceed the quantile of the upper `share`, and the weights of these numbers."""
    threshold = _quantiles(x, weights, (1 - share,))[0]
    start = np.searchsorted(x, threshold, side="right")
    # As a difference of halves, numbers of either sign do not overflow.
    return x[start:] / 2 - threshold / 2, weights[start:]


def _count(weights: np.ndarray) -> float:
    """Return how many rows of equal weight would say as much."""
    total = weights.sum()
    return float(total**2 / np.square(weights).sum()) if total > 0 else 0.0


def _quantiles(x: np.ndarray, weights: np.ndarray, of: tuple[float, ...]) -> list[float]:
    """Return the weighted quantiles of sorted numbers: the first number that reaches each share of the weight."""
    reached = np.cumsum(weights)
    at = np.searchsorted(reached, np.asarray(of) * reached[-1])
    return [float(x[min(i, len(x) - 1)]) for i in at]
