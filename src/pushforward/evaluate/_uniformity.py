"""Tests that values are uniform on (0, 1): empirical distribution function, band, and p-values."""

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from jaxtyping import Float, Int

#: Significance level of a departure from calibration.
SIGNIFICANCE = 0.05
#: Most levels at which a distribution function is tested, and number of simulations under uniformity.
MOST_LEVELS, SIMULATIONS = 99, 3999

Levels = Float[np.ndarray, " levels"]
Values = Float[np.ndarray, "rows columns"]


@final
@dataclass(frozen=True, eq=False)
class Uniformity:
    """Empirical distribution functions compared with the uniform one.

    Attributes:
        levels: t, increasing.
        shares: share of values below each level, for each column; on average t if the column is uniform.
        low, high: a band in which all curves stay with probability 95 % if all columns are uniform.
        p_values: p-value of each column times the number of columns; below 5 % if the curve leaves the band.
    """

    levels: Levels
    shares: Float[np.ndarray, "levels columns"]
    low: Levels
    high: Levels
    p_values: Float[np.ndarray, " columns"]


def uniformity(values: Values, num_draws: int | None) -> Uniformity:
    """Test whether the values of each column are independent and uniform on (0, 1).

    The number of values below a level t is binomial. The statistic is its smallest two-sided p-value over all levels,
    which detects departures at the ends, where bands of constant width detect none. Simulated uniform values give the
    distribution of the statistic under uniformity.

    Arguments:
        values: values in (0, 1); with `num_draws`, (r + 1/2) / (num_draws + 1) for r = 0, ..., num_draws.
        num_draws: number of draws behind each rank r; None for continuous values.

    Reference:
        "The Power to See: A New Graphical Test of Normality", Aldor-Noiman, Brown, Buja, Rolke, Stine, 2013; "Graphical
        Test for Discrete Uniformity and its Applications in Goodness of Fit Evaluation and Multiple Sample
        Comparison", Säilynoja, Bürkner, Vehtari, 2022.
    """
    n, columns = values.shape
    levels = _levels(num_draws)
    counts = np.stack([np.searchsorted(column, levels) for column in np.sort(values, axis=0).T], axis=1)
    found = _pointwise_p_values(counts.T, n, levels).min(axis=1)
    null = _simulated(n, num_draws)
    fewer = np.searchsorted(null, found, side="right")
    p_values = (1 + fewer) / (1 + null.size)
    # For p-values too small for the simulations, the sum over the levels is an upper bound.
    p_values = np.where(fewer > 0, p_values, np.minimum(p_values, len(levels) * found))
    low, high = _band(n, levels, null, SIGNIFICANCE / columns)
    return Uniformity(levels, counts / n, low, high, np.minimum(p_values * columns, 1.0))


def departures(values: Values) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """Return the differences of mean and variance of each column from uniform values, in standard errors."""
    root = np.sqrt(len(values))
    mean = (values.mean(axis=0) - 1 / 2) * root * np.sqrt(12)
    return mean, (values.var(axis=0) - 1 / 12) * root * np.sqrt(180)


def _levels(num_draws: int | None) -> Levels:
    # Ranks are known at multiples of 1 / (num_draws + 1): only at these levels is the count binomial with p = t.
    cells = MOST_LEVELS + 1 if num_draws is None else num_draws + 1
    parts = min(cells, MOST_LEVELS + 1)
    return np.arange(1, parts) * cells // parts / cells


def _pointwise_p_values(counts: Int[np.ndarray, "_ levels"], n: int, levels: Levels) -> Float[np.ndarray, "_ levels"]:
    """Return the two-sided p-values of binomial counts: twice the smaller tail, including the count."""
    from scipy.special import betainc

    below = np.where(counts < n, betainc(np.maximum(n - counts, 1), counts + 1, 1 - levels), 1.0)
    above = np.where(counts > 0, betainc(np.maximum(counts, 1), n - counts + 1, levels), 1.0)
    return np.minimum(2 * np.minimum(below, above), 1.0)


@lru_cache(maxsize=64)
def _simulated(n: int, num_draws: int | None) -> Float[np.ndarray, " simulations"]:
    """Return the statistic of simulated columns of n uniform values, sorted."""
    levels = _levels(num_draws)
    cells = np.diff(levels, prepend=0.0, append=1.0)
    counts = np.random.default_rng(0).multinomial(n, cells, size=SIMULATIONS)[:, :-1].cumsum(axis=1)
    return np.sort(_pointwise_p_values(counts, n, levels).min(axis=1))


def _band(n: int, levels: Levels, null: Float[np.ndarray, " simulations"], probability: float) -> tuple[Levels, Levels]:
    """Return the band of shares that a curve leaves with at most `probability` if values are uniform."""
    from scipy.stats import binom

    place = int(np.floor(probability * (1 + null.size) * (1 + 1e-9)))
    pointwise = null[place - 1] if place > 0 else probability / len(levels)
    # Slightly below the p-value of a count, since SciPy's quantile rounds differently.
    tail = 0.5 * pointwise * (1 - 1e-9)
    return binom.ppf(tail, n, levels) / n, 1 - binom.ppf(tail, n, 1 - levels) / n
