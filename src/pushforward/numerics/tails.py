"""How heavy the tails of columns are, by peaks over a threshold."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

#: The share of the rows beyond the threshold of a tail, and the fewest and the most of them that a fit needs.
SHARE, FEWEST, MOST = 0.1, 20, 500
#: A tail is heavy if its index is this many standard errors, of an exponential tail, above zero, and at least the
#: smallest index. Three standard errors are a false alarm in some hundreds of exponential tails.
ERRORS, SMALLEST = 3.0, 0.1
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

    A generalized Pareto distribution is fitted to what lies beyond the outer tenth of each side. Tails that may be of
    one index receive their mean: a symmetric column stays symmetric. The scale is such that the quartiles of loc +
    scale z exp(h z² / 2), z standard normal, with h the index of the side, are as far apart as those of the column.
    """
    found = Tails(*(np.full(values.shape[1], start) for start in (0.0, 1.0, 0.0, 0.0)))
    for j, column in enumerate(values.T if len(values) else ()):
        order = np.argsort(column, kind="stable")
        x, w = column[order], weights[order]
        left, right = _both(_tail(-x[::-1], w[::-1]), _tail(x, w))
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
    # How often each number is counted: as many times as rows of equal weight would be worth.
    count = 1 / np.square(share).sum()
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


def _tail(x: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return the index of the upper tail of sorted numbers, and the number of rows it comes from; 0 for too few."""
    total = weights.sum()
    rows = total**2 / np.square(weights).sum() if total > 0 else 0.0
    if SHARE * rows < FEWEST:
        return 0.0, 0.0
    beyond = min(SHARE, MOST / rows)
    threshold = _quantiles(x, weights, (1 - beyond,))[0]
    start = np.searchsorted(x, threshold, side="right")
    # As a difference of halves, numbers of either sign do not overflow.
    excesses, weights = x[start:] / 2 - threshold / 2, weights[start:]
    if len(excesses) < FEWEST:
        return 0.0, 0.0
    return pareto_index(excesses, weights), float(weights.sum() ** 2 / np.square(weights).sum())


def _both(left: tuple[float, float], right: tuple[float, float]) -> tuple[float, float]:
    """Return the indices of the two tails, given estimates with their numbers of rows."""
    (a, m), (b, n) = left, right
    if m and n and abs(a - b) < 2 * (1 + max(a, b, 0.0)) * math.sqrt(1 / m + 1 / n):
        mean = (m * a + n * b) / (m + n)
        if _is_heavy(mean, m + n):
            return min(mean, LARGEST), min(mean, LARGEST)
    one, other = (min(index, LARGEST) if _is_heavy(index, rows) else 0.0 for index, rows in (left, right))
    return one, other


def _is_heavy(index: float, rows: float) -> bool:
    return rows > 0 and index > max(SMALLEST, ERRORS / math.sqrt(rows))


def _quantiles(x: np.ndarray, weights: np.ndarray, of: tuple[float, ...]) -> list[float]:
    """Return the weighted quantiles of sorted numbers: the first number that reaches each share of the weight."""
    reached = np.cumsum(weights)
    at = np.searchsorted(reached, np.asarray(of) * reached[-1])
    return [float(x[min(i, len(x) - 1)]) for i in at]
