"""The marginal distribution of numbers: smooth, with probabilities of single values."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float

from ...supports import AbstractSupport, IntegerRange, Interval, Positive, Real
from ..heads.line import FARTHEST_END, Line
from ._base import AbstractMarginal, HostCells, Observed, Values
from ._quantiles import quantiles
from ._spline import Monotone, through

#: Rows for each knot, and bounds of the number of knots.
ROWS_PER_KNOT, FEWEST_KNOTS, MOST_KNOTS = 25, 4, 48
#: A tail is heavy if the outermost rows lie so many times as far from the median as the quartiles do.
HEAVY = 12.0
#: Whole numbers, each observed once, from which the distribution of such numbers is estimated.
ENOUGH = 20
#: Whole numbers up to here are exact in double precision.
EXACT = 2.0**53
#: The most values with intervals of their own inside a program; others are drawn as points, and rounded.
MOST_ATOMS = 4096


@final
@dataclass(frozen=True)
class NumberRanks(AbstractMarginal):
    """F(x) = Σ_{a < x} p_a + (1 - Σ p_a) F_0(x), with score(x) = log F / (1 - F).

    F_0 is smooth: log F_0 / (1 - F_0) goes through quantiles of the values without the atoms a, in the coordinate x,
    arsinh, log(x - low) or a logit of x, in which it is linear beyond them. Each whole number k, where numbers are
    whole, has the probability F_0(k + 1/2) - F_0(k - 1/2), and atoms beside it.

    Attributes:
        low, high: ends of the support of F_0; None for infinity.
        whole: whether values are whole numbers.
        center, scale: of the arsinh; scale 0 for none.
        knots, scores: points of the map from the coordinate to the score of F_0.
        atoms, shares: increasing values, and their probabilities.
    """

    low: float | None
    high: float | None
    whole: bool
    center: float
    scale: float
    knots: tuple[float, ...]
    scores: tuple[float, ...]
    atoms: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def suits(cls, support: AbstractSupport) -> bool:
        """Whether the support is that of a number."""
        return isinstance(support, Real | Positive | Interval | IntegerRange)

    @classmethod
    def of(cls, support: AbstractSupport, observed: Observed) -> "NumberRanks":
        """Return the marginal of observed values."""
        low, high = _ends(support)
        whole = isinstance(support, IntegerRange)
        values, weights = observed.values, observed.weights
        if whole:
            atoms, shares = _seen(values, weights)
            # The smooth part stands for numbers that are not atoms; where few were observed, for all.
            once = ~np.isin(values, atoms)
            enough = once.sum() >= ENOUGH
            rest, of_rest = (values[once], weights[once]) if enough else (values, weights)
        else:
            is_atom = np.isin(values, observed.atoms)
            # An atom that these rows lack counts as half a row.
            atoms, sums = _summed(
                np.concatenate([values[is_atom], observed.atoms]),
                np.concatenate([weights[is_atom], np.full(len(observed.atoms), 1e-9)]),
            )
            sums = np.maximum(sums, 0.5)
            rest, of_rest = values[~is_atom], weights[~is_atom]
            # Something is left for values that are no atoms, even if none was observed.
            shares = sums / (sums.sum() + of_rest.sum() + 1)
        if not len(rest):
            # Nothing but atoms: the little that is left lies where they do, inside of the support.
            inside = (values > _or(low, -np.inf)) & (values < _or(high, np.inf))
            rest, of_rest = values[inside], weights[inside]
            if not len(rest):
                ends = [end for end in (low, high) if end is not None]
                rest = np.array(
                    [ends[0] + 1.0 if len(ends) == 1 and low is not None else float(np.mean(ends)) - (len(ends) == 1)]
                )
                of_rest = np.ones(1)
        center, scale = _heavy(rest, of_rest) if low is None and high is None else (0.0, 0.0)
        made = NumberRanks(low, high, whole, center, scale, (), (), tuple(atoms), tuple(shares))
        knots, scores = _knots(made._coordinate(rest)[0], of_rest, len(rest))
        return NumberRanks(
            low, high, whole, center, scale, tuple(knots), tuple(scores), tuple(map(float, atoms)), tuple(shares)
        )

    @property
    def level_shares(self) -> None:
        """None: numbers have an order."""
        return None

    @property
    def lowest(self) -> float | None:
        """The lower end of the support."""
        return self.low

    @property
    def is_whole(self) -> bool:
        """Whether values are whole numbers."""
        return self.whole

    def ranks(self, scores: Values) -> Values:
        """Return the logistic function of scores."""
        return _sigmoid(scores)

    def scores_at(self, ranks: Values) -> Values:
        """Return the logit of shares."""
        return np.log(ranks) - np.log1p(-ranks)

    def apart(self, a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "n m"]:
        """Return the differences of the ranks at the middle of the cells."""
        x, y = (_sigmoid(cells[:, :2]).mean(axis=1) for cells in (a, b))
        return np.abs(x[:, None] - y)

    def head(self) -> Line:
        """Return a mixture of logistic distributions, with the atoms."""
        grid = self._grid if self.whole else None
        if grid is None or len(grid) > MOST_ATOMS:
            # Of too many whole numbers those that most rows have; the others' intervals are hardly wider than points.
            largest = np.sort(np.argsort(-np.asarray(self.shares), kind="stable")[:MOST_ATOMS])
            grid = self._atoms[largest]
        if not len(grid):
            return Line()
        cells = self.cells(grid)
        return Line(cells[:, 0], cells[:, 1])

    def cells(self, values: Values) -> HostCells:
        """Return the cells of values."""
        values = np.asarray(values, np.float64)
        safe = np.where(np.isnan(values), self._middle, values)
        possible = np.isfinite(safe)
        if self.low is not None:
            possible &= safe > self.low
        if self.high is not None:
            possible &= safe < self.high
        if self.whole:
            possible &= safe == np.round(safe)
        if self.whole:
            safe = np.where(possible, safe, self._middle)
            low, high = self._score(safe - 0.5, safe - 0.5)[0], self._score(safe + 0.5, safe + 0.5)[0]
            log_scale = np.zeros_like(safe)
        else:
            place = np.searchsorted(self._atoms, safe)
            is_atom = np.zeros(len(safe), bool)
            if len(self._atoms):
                is_atom = self._atoms[np.minimum(place, len(self._atoms) - 1)] == safe
            possible |= is_atom
            safe = np.where(possible, safe, self._middle)
            low, log_scale = self._score(safe, safe)
            high = np.where(is_atom, self._score(safe, np.nextafter(safe, np.inf))[0], low)
            log_scale = np.where(is_atom & possible, 0.0, log_scale)
        cells = np.stack([low, np.maximum(high, low), np.where(possible, log_scale, -np.inf)], axis=1)
        return np.where(np.isnan(values)[:, None], np.nan, cells)

    def log_prob(self, cells: HostCells) -> Values:
        """Return the log-probability, or log-density, of cells under the marginal distribution."""
        low, high = np.nan_to_num(cells[:, 0]), np.nan_to_num(cells[:, 1])
        is_atom = high > low
        width = np.where(is_atom, high - low, 1.0)
        probability = np.log(-np.expm1(-width)) - np.logaddexp(0, -high) - np.logaddexp(0, low)
        # The third column is NaN where the cell is missing.
        return np.where(is_atom, probability, -np.logaddexp(0, low) - np.logaddexp(0, -low)) + cells[:, 2]

    def values(self, scores: Values) -> Values:
        """Return the values that hold scores."""
        scores = np.asarray(scores, np.float64)
        safe = np.where(np.isnan(scores), 0.0, scores)
        u, v = _sigmoid(safe), _sigmoid(-safe)
        below = self._below
        edges = self._score(self._atoms, self._atoms)[0]
        place = np.searchsorted(edges, safe, side="right")
        rest = 1 - below[-1]
        tiny = np.finfo(float).tiny
        low = np.maximum(np.maximum(u - below[place], 0) / rest, tiny)
        top = np.maximum(np.maximum(v - (below[-1] - below[place]), 0) / rest, tiny)
        found = self._value(np.log(low) - np.log(top))
        if self.whole and self._grid is not None:
            tops = self.cells(self._grid)[:, 1]
            at = np.searchsorted(tops, safe - 1e-9 * np.maximum(1, np.abs(safe)))
            within = (at > 0) & (at < len(tops))
            found = np.where(within, self._grid[np.minimum(at, len(tops) - 1)], found)
        elif len(self._atoms):
            ends = self.cells(self._atoms)
            at = np.maximum(place - 1, 0)
            slack = 1e-6 * np.maximum(1, np.abs(safe))
            inside = (place > 0) & (ends[at, 0] <= safe + slack) & (safe <= ends[at, 1] + slack)
            found = np.where(inside, self._atoms[at], found)
        if self.whole:
            found = np.round(found)
            found = np.clip(found, _or(self.low, -np.inf) + 0.5, _or(self.high, np.inf) - 0.5)
        return np.where(np.isnan(scores), np.nan, found)

    @cached_property
    def _atoms(self) -> np.ndarray:
        return np.asarray(self.atoms, np.float64)

    @cached_property
    def _below(self) -> np.ndarray:
        """The probability of the atoms before each place."""
        return np.concatenate([[0.0], np.cumsum(np.asarray(self.shares, np.float64))])

    @cached_property
    def _smooth(self) -> Monotone:
        return through(np.asarray(self.knots), np.asarray(self.scores))

    @cached_property
    def _middle(self) -> float:
        middle = float(self._value(np.zeros(1))[0])
        return float(round(middle)) if self.whole else middle

    @cached_property
    def _grid(self) -> np.ndarray | None:
        """The whole numbers with a probability worth the name, if they are not too many."""
        low, high = (float(self._value(np.asarray([end]))[0]) for end in (-20.0, 20.0))
        low, high = max(low, _or(self.low, -math.inf) + 0.5), min(high, _or(self.high, math.inf) - 0.5)
        if not np.isfinite(high - low) or high - low > 1e6:
            return None
        return np.arange(np.floor(min([low, *self.atoms])), np.ceil(max([high, *self.atoms])) + 1)

    def _score(self, x: np.ndarray, behind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the score of x, with the atoms up to but not at `behind`, and log d score / dx."""
        t, log_slope = self._coordinate(x)
        z, slope = self._smooth(t)
        place, below = np.searchsorted(self._atoms, behind), self._below
        rest = 1 - below[-1]
        with np.errstate(divide="ignore"):
            log_u = np.logaddexp(np.log(below[place]), math.log(rest) - np.logaddexp(0, -z))
            log_v = np.logaddexp(np.log(below[-1] - below[place]), math.log(rest) - np.logaddexp(0, z))
        score = np.clip(log_u - log_v, -FARTHEST_END, FARTHEST_END)
        # The score alone counts at the ends of the support, where the slope of the coordinate is infinite.
        with np.errstate(invalid="ignore"):
            log_density = math.log(rest) - np.logaddexp(0, z) - np.logaddexp(0, -z) + np.log(slope) + log_slope
            return score, log_density - log_u - log_v

    def _coordinate(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the coordinate of x, and the logarithm of its slope."""
        with np.errstate(divide="ignore"):
            if self.low is not None and self.high is not None:
                a, b = np.maximum(x - self.low, 0), np.maximum(self.high - x, 0)
                return np.log(a) - np.log(b), math.log(self.high - self.low) - np.log(a) - np.log(b)
            if self.low is not None:
                t = np.log(np.maximum(x - self.low, 0))
                return t, -t
            if self.high is not None:
                t = np.log(np.maximum(self.high - x, 0))
                return -t, -t
        if self.scale:
            t = (x - self.center) / self.scale
            return np.arcsinh(t), -0.5 * np.log1p(t * t) - math.log(self.scale)
        return x, np.zeros_like(x)

    def _value(self, z: np.ndarray) -> np.ndarray:
        """Return the x whose score under F_0 is z."""
        t = self._smooth.inverse(z)
        if self.low is not None and self.high is not None:
            return self.low + (self.high - self.low) * _sigmoid(t)
        if self.low is not None:
            return self.low + np.exp(np.minimum(t, 700))
        if self.high is not None:
            return self.high - np.exp(np.minimum(-t, 700))
        return self.center + self.scale * np.sinh(np.clip(t, -700, 700)) if self.scale else t


def _ends(support: AbstractSupport) -> tuple[float | None, float | None]:
    """Return the ends of the smooth part."""
    if isinstance(support, IntegerRange):
        # An end beyond the whole numbers of double precision stands for none.
        low = None if support.low < -EXACT / 2 else support.low - 0.5
        return low, None if support.high is None or support.high > EXACT / 2 else support.high + 0.5
    if isinstance(support, Interval):
        return float(np.asarray(support.low)), float(np.asarray(support.high))
    return (0.0, None) if isinstance(support, Positive) else (None, None)


def _summed(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different values, increasing, and the sum of the weights of each."""
    different, place = np.unique(values, return_inverse=True)
    return different, np.bincount(place.ravel(), weights, len(different)) if len(different) else np.zeros(0)


def _seen(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the whole numbers that were observed more than once, and their shares.

    What is left for the smooth part is the share of the numbers that were observed once: an estimate of the probability
    of numbers that were not observed.

    Reference:
        "The Population Frequencies of Species and the Estimation of Population Parameters", Good, 1953.
    """
    different, counts = np.unique(values, return_counts=True)
    sums = _summed(values, weights)[1]
    once = counts == 1
    new = (max(float(sums[once].sum()), 1.0)) / (weights.sum() + 1)
    kept = sums[~once]
    return different[~once], kept / kept.sum() * (1 - new) if len(kept) else kept


def _heavy(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return center and scale of an arsinh if a tail is heavy, else zeros."""
    low, lower, middle, upper, high = quantiles(values, weights, np.array([0.001, 0.25, 0.5, 0.75, 0.999]))
    spread = max(upper - middle, middle - lower, 1e-3 * (high - low))
    if spread > 0 and max(high - middle, middle - low) > HEAVY * spread:
        return float(middle), float(spread)
    return 0.0, 0.0


def _knots(t: np.ndarray, weights: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the smooth map: coordinates at quantiles, and their scores."""
    wanted = int(np.clip(count // ROWS_PER_KNOT, FEWEST_KNOTS, MOST_KNOTS))
    levels = (np.arange(wanted) + 0.5) / wanted
    end = min(1 / (count + 1), 0.25)
    levels = np.unique(np.concatenate([[end], levels[(levels > end) & (levels < 1 - end)], [1 - end]]))
    x = quantiles(t, weights, levels)
    span = max(float(x[-1] - x[0]), 1e-12 * max(1.0, float(np.abs(x).max())))
    # Many equal values make one knot, at the middle of their levels.
    keep = np.concatenate([[True], np.diff(x) > 1e-4 * span / wanted])
    group = np.cumsum(keep) - 1
    middle = np.bincount(group, levels) / np.bincount(group)
    x = x[keep]
    if len(x) == 1:
        # Of equal values nothing is known but where they are.
        half = max(1e-3 * abs(float(x[0])), 0.5)
        x, middle = np.array([x[0] - half, x[0] + half]), np.array([end, 1 - end])
    return x, np.log(middle) - np.log1p(-middle)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    # NaN, of a missing cell, stays.
    with np.errstate(invalid="ignore"):
        return np.exp(-np.logaddexp(0, -z))


def _or(end: float | None, other: float) -> float:
    return other if end is None else end
