"""The marginal distribution of angles."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float

from ...supports import AbstractSupport, Circle
from ..heads.turn import Turn
from ._base import AbstractMarginal, HostCells, Observed, Values
from ._quantiles import quantiles
from ._spline import Monotone, through

#: Rows for each knot, and bounds of the number of knots.
ROWS_PER_KNOT, FEWEST_KNOTS, MOST_KNOTS = 50, 4, 24
#: Angles that are repeated so often, on average, are a lattice: each has a probability.
OFTEN = 4.0


@final
@dataclass(frozen=True)
class AngleRanks(AbstractMarginal):
    """F(x) = Σ_{a < x} p_a + (1 - Σ p_a) F_0(x) on 0 <= x < period; the score is F.

    F_0 is smooth on the circle: its slope is the same at both ends.

    Attributes:
        period: one turn.
        knots, scores: points of F_0, from 0 to the period.
        atoms, shares: increasing values, and their probabilities.
    """

    period: float
    knots: tuple[float, ...]
    scores: tuple[float, ...]
    atoms: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def suits(cls, support: AbstractSupport) -> bool:
        """Whether the support is a circle."""
        return isinstance(support, Circle)

    @classmethod
    def of(cls, support: AbstractSupport, observed: Observed) -> "AngleRanks":
        """Return the marginal of observed angles."""
        period = float(support.period) if isinstance(support, Circle) else 0.0
        values, weights = np.mod(observed.values, period), observed.weights
        different, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        lattice = counts.mean() >= OFTEN
        chosen = np.ones(len(different), bool) if lattice else np.isin(different, np.mod(observed.atoms, period))
        sums = np.bincount(place.ravel(), weights, len(different))
        shares = sums[chosen] / (weights.sum() + 1)
        rest = np.ones(len(values), bool) if lattice else ~chosen[place.ravel()]
        knots, scores = _knots(values[rest], weights[rest], period)
        return AngleRanks(period, tuple(knots), tuple(scores), tuple(map(float, different[chosen])), tuple(shares))

    @property
    def level_shares(self) -> None:
        """None: angles have an order from 0 to the period."""
        return None

    @property
    def lowest(self) -> float | None:
        """The lower end of the support."""
        return 0.0

    @property
    def is_whole(self) -> bool:
        """Whether values are whole numbers."""
        return False

    def ranks(self, scores: Values) -> Values:
        """Return the scores, which are shares."""
        return scores

    def scores_at(self, ranks: Values) -> Values:
        """Return the shares."""
        return ranks

    def apart(self, a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "n m"]:
        """Return twice the difference of the ranks, the shorter way round."""
        x, y = (np.mod(cells[:, :2].mean(axis=1), 1) for cells in (a, b))
        found = np.abs(x[:, None] - y)
        return 2 * np.minimum(found, 1 - found)

    def head(self) -> Turn:
        """Return a mixture of wrapped Cauchy distributions, with the atoms."""
        if not self.atoms:
            return Turn()
        cells = self.cells(np.asarray(self.atoms))
        return Turn(cells[:, 0], cells[:, 1])

    def cells(self, values: Values) -> HostCells:
        """Return the cells of angles; angles of other turns are outside."""
        values = np.asarray(values, np.float64)
        possible = (values >= 0) & (values < self.period)
        safe = np.where(possible, values, 0.0)
        u, slope = self._smooth(safe)
        place = np.searchsorted(self._atoms, safe)
        is_atom = np.zeros(len(safe), bool)
        if len(self._atoms):
            is_atom = self._atoms[np.minimum(place, len(self._atoms) - 1)] == safe
        rest = 1 - self._below[-1]
        low = self._below[place] + rest * u
        high = np.where(is_atom, low + np.append(np.diff(self._below), 0.0)[place], low)
        log_scale = np.where(is_atom, 0.0, math.log(rest) + np.log(slope))
        cells = np.stack([low, high, np.where(possible, log_scale, -np.inf)], axis=1)
        return np.where(np.isnan(values)[:, None], np.nan, cells)

    def log_prob(self, cells: HostCells) -> Values:
        """Return the log-probability, or log-density, of cells under the marginal distribution."""
        width = cells[:, 1] - cells[:, 0]
        return np.log(np.where(width > 0, width, 1.0)) + cells[:, 2]

    def values(self, scores: Values) -> Values:
        """Return the angles that hold scores."""
        scores = np.asarray(scores, np.float64)
        safe = np.mod(np.where(np.isnan(scores), 0.0, scores), 1.0)
        ends = self.cells(self._atoms) if len(self._atoms) else np.zeros((0, 3))
        place = np.searchsorted(ends[:, 0], safe + 1e-6, side="right")
        rest = 1 - self._below[-1]
        found = self._smooth.inverse(np.clip((safe - self._below[place]) / rest, 0, 1))
        if len(ends):
            at = np.maximum(place - 1, 0)
            inside = (place > 0) & (safe <= ends[at, 1] + 1e-6)
            found = np.where(inside, self._atoms[at], found)
        found = np.where(found >= self.period, 0.0, found)
        return np.where(np.isnan(scores), np.nan, found)

    @cached_property
    def _atoms(self) -> np.ndarray:
        return np.asarray(self.atoms, np.float64)

    @cached_property
    def _below(self) -> np.ndarray:
        return np.concatenate([[0.0], np.cumsum(np.asarray(self.shares, np.float64))])

    @cached_property
    def _smooth(self) -> Monotone:
        return through(np.asarray(self.knots), np.asarray(self.scores), (self.period, 1.0))


def _knots(values: np.ndarray, weights: np.ndarray, period: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the smooth map from 0 to the period; its density is at least a tenth of the uniform one."""
    wanted = int(np.clip(len(values) // ROWS_PER_KNOT, FEWEST_KNOTS, MOST_KNOTS))
    if len(values) < 2 * FEWEST_KNOTS:
        return np.array([0.0, period]), np.array([0.0, 1.0])
    levels = np.arange(1, wanted) / wanted
    x = quantiles(values, weights, levels)
    x, place = np.unique(x, return_index=True)
    inside = (x > 1e-6 * period) & (x < (1 - 1e-6) * period)
    x, levels = np.concatenate([[0.0], x[inside], [period]]), np.concatenate([[0.0], levels[place][inside], [1.0]])
    return x, 0.9 * levels + 0.1 * x / period
