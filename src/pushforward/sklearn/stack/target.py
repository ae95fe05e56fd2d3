"""The number that is modelled, as points or intervals of the line."""

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from jaxtyping import Float
from scipy.special import xlogy

from ...columns import AbstractMarginal, Observed, marginal_of
from ...data import Frame, Schema
from ...supports import IntegerRange, Interval, Positive

#: The share of the rows from which on a value that they share has a probability: less frequent ones were rounded, and
#: have a density.
SPIKE = 0.02
#: Scores of ranks beyond which intervals of the training are cut off.
FARTHEST = 30.0

Values = Float[np.ndarray, " rows"]


@final
@dataclass(frozen=True)
class Intervals:
    """Where values lie on the line, of which a density is modelled.

    Attributes:
        low, high: ends of the interval of a value that has a probability; equal for one that has a density.
        log_slope: logarithm of the slope of the place of a value; 0 if it has a probability, -inf if it cannot be.
    """

    low: Values
    high: Values
    log_slope: Values


@final
@dataclass(frozen=True)
class Target:
    """The number that is modelled.

    If no rows share their value, its place on the line is the value. Else it is the logit of the rank of the value, by
    the marginal distribution: the values of a lattice, and others that many rows share, are intervals, as long as they
    are frequent. Densities are per unit, on a lattice as well: the probability of a value over the step.

    Attributes:
        schema: of the number alone.
        marginal: None if no rows share their value.
        log_step: logarithm of the step of the lattice; 0 if there is none.
    """

    schema: Schema
    marginal: AbstractMarginal | None
    log_step: float

    @staticmethod
    def of(schema: Schema, y: Values, weights: Values) -> "Target":
        """Return the target of a schema of several columns whose event is one number, of which some are given."""
        alone = Schema(tuple(c for c in schema.columns if c.role == "event"))
        (part,) = alone.parts
        if not part.atoms and not isinstance(part.support, IntegerRange):
            return Target(alone, None, 0.0)
        log_step = 0.0
        if isinstance(part.support, IntegerRange):
            zero, one = alone.decode(np.array([[0.0], [1.0]])).table.column(0).cast("float64").to_pylist()
            log_step = float(np.log(one - zero))
        share = [weights[y == atom].sum() / weights.sum() for atom in part.atoms]
        # An atom beyond the support, as zero is of positive numbers, can be nothing else.
        inside = replace(part, atoms=()).holds(np.asarray(part.atoms))
        spikes = np.asarray(part.atoms)[(np.asarray(share) >= SPIKE) | ~inside]
        return Target(alone, marginal_of(part.support, Observed(y, weights, tuple(spikes.tolist()))), log_step)

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.schema.event[0]

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the line."""
        return self._inner_ends if self.marginal is None else (-np.inf, np.inf)

    def parts(self, values: Any) -> Values:
        """Return numbers of the column as its part."""
        import pyarrow as pa

        if self.marginal is None:
            return np.asarray(values, np.float64)
        table = pa.table({self.name: pa.array(np.asarray(values))})
        return self.schema.encode(Frame(table)).values[:, 0]

    def intervals(self, y: Values) -> Intervals:
        """Return the places of values of the part."""
        if self.marginal is None:
            low, high = self.ends
            return Intervals(y, y, np.where(((y > low) & (y < high)) | np.isnan(y), 0.0, -np.inf))
        cells = self.marginal.cells(y)
        possible = self.schema.parts[0].holds(y)
        return Intervals(cells[:, 0], cells[:, 1], np.where(possible, cells[:, 2], -np.inf))

    def centers(self, at: Intervals) -> Values:
        """Return the mean of the line within each interval, by the marginal distribution."""
        if self.marginal is None:
            return at.low
        low, high = np.clip(at.low, -FARTHEST, FARTHEST), np.clip(at.high, -FARTHEST, FARTHEST)
        wide = high - low > 1e-4
        # Twice the integral of the logit is that of u log u + (1 - u) log(1 - u).
        u, v = self.marginal.ranks(low), self.marginal.ranks(np.where(wide, high, low + 1.0))
        return np.where(wide, (_entropy(u) - _entropy(v)) / (v - u), 0.5 * (low + high))

    def up_to(self, values: Any) -> Values:
        """Return the highest place of a value, or of those below it."""
        y = self.parts(values)
        if self.marginal is None:
            return y
        y = np.floor(y) if self.marginal.is_whole else y
        (part,) = self.schema.parts
        possible, atoms = part.holds(y), np.asarray([-np.inf, *part.atoms])
        # Beyond the ends there are atoms at most.
        last = atoms[np.searchsorted(atoms, y, side="right") - 1]
        found = self.marginal.cells(np.where(possible, y, np.where(np.isinf(last), np.nan, last)))[:, 1]
        found = np.where(np.isnan(found), -np.inf, found)
        return np.where(~possible & (y > self._inner_ends[1]), np.inf, found)

    def values(self, places: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return the numbers of the column at places."""
        if self.marginal is None:
            return places
        y = self.marginal.values(places.ravel())
        column = self.schema.decode(y[:, None]).table[self.name].combine_chunks()
        return column.to_numpy(zero_copy_only=False).astype(np.float64).reshape(places.shape)

    @property
    def _inner_ends(self) -> tuple[float, float]:
        """The ends of the values, but for atoms beyond."""
        support = self.schema.parts[0].support
        if isinstance(support, Interval | IntegerRange):
            return float(support.low), np.inf if support.high is None else float(support.high)
        return (0.0 if isinstance(support, Positive) else -np.inf), np.inf


def _entropy(u: np.ndarray) -> np.ndarray:
    return -(xlogy(u, u) + xlogy(1 - u, 1 - u))
