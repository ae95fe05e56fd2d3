"""Are values uniform on (0, 1)? Their empirical distribution function, a band for it, and p-values."""

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from jaxtyping import Float, Int

#: What happens to calibrated densities with at most this probability is called a departure.
SIGNIFICANCE = 0.05
#: Levels at which a distribution function is looked at, and calibrated ones simulated to know how they scatter.
MOST_LEVELS, SIMULATIONS = 99, 3999

Levels = Float[np.ndarray, " levels"]
Values = Float[np.ndarray, "rows columns"]


@final
@dataclass(frozen=True, eq=False)
class Uniformity:
    """Empirical distribution functions beside that of uniform values.

    Attributes:
        levels: t, increasing.
        shares: share of values below each level, for each column; t itself on average.
        low, high: a band that all curves stay in with probability 95 % if all columns are uniform.
        p_values: for each column, times the number of columns: below 5 % where the curve leaves the band.
    """

    levels: Levels
    shares: Float[np.ndarray, "levels columns"]
    low: Levels
    high: Levels
    p_values: Float[np.ndarray, " columns"]


def uniformity(values: Values, num_draws: int | None) -> Uniformity:
    """Test whether the values of each column are independent and uniform on (0, 1).

    The number of values below a level t is binomial. The smallest of its two-sided p-values over all levels is the
    statistic, which sees departures at the ends, where bands of constant width are blind; simulated uniform
    values say how small it is by chance.

    Arguments:
        values: in (0, 1); with `num_draws`, (r + 1/2) / (num_draws + 1) for r = 0, ..., num_draws.
        num_draws: None for continuous values.

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
    # Beyond what simulations can resolve, the sum over the levels bounds the probability.
    p_values = np.where(fewer > 0, p_values, np.minimum(p_values, len(levels) * found))
    low, high = _band(n, levels, null, SIGNIFICANCE / columns)
    return Uniformity(levels, counts / n, low, high, np.minimum(p_values * columns, 1.0))


def departures(values: Values) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """Return how far mean and variance of each column are from those of uniform values, in standard errors."""
    root = np.sqrt(len(values))
    mean = (values.mean(axis=0) - 1 / 2) * root * np.sqrt(12)
    return mean, (values.var(axis=0) - 1 / 12) * root * np.sqrt(180)


def _levels(num_draws: int | None) -> Levels:
    # A share of draws is a multiple of 1 / (num_draws + 1): only at such levels is its distribution known.
    cells = MOST_LEVELS + 1 if num_draws is None else num_draws + 1
    parts = min(cells, MOST_LEVELS + 1)
    return np.arange(1, parts) * cells // parts / cells


def _pointwise_p_values(counts: Int[np.ndarray, "_ levels"], n: int, levels: Levels) -> Float[np.ndarray, "_ levels"]:
    """Return the two-sided p-values of binomial counts: twice the smaller tail, the count included in both."""
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
    """Return the shares between which no pointwise p-value is so small that its own p-value is `probability`."""
    from scipy.stats import binom

    place = int(np.floor(probability * (1 + null.size) * (1 + 1e-9)))
    pointwise = null[place - 1] if place > 0 else probability / len(levels)
    # A hair below the p-value of a count, for the rounding of another formula.
    tail = 0.5 * pointwise * (1 - 1e-9)
    return binom.ppf(tail, n, levels) / n, 1 - binom.ppf(tail, n, 1 - levels) / n
