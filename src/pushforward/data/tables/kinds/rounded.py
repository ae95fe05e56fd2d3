"""Numbers rounded to a lattice."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ...._errors import bad, require
from ....supports import IntegerRange
from ..facts import EXACT, ArrowColumn, ColumnFacts, Lattice, lattice_of
from ._base import AbstractKind, Found, Part, with_options
from ._numbers import as_numbers, of_numbers

#: Nearer to a number of the lattice than this share of the step, a number is taken for it: single precision.
_NEAR = 1e-4
#: Values that may be written down beside the lattice, since they are its numbers but for rounding in the last digit.
_ODD = 1000


@final
@dataclass(frozen=True)
class Rounded(AbstractKind):
    """Numbers (offset + k step) / 10^places for whole k, each with a probability: multiples of 0.1, 0.25 or 10.

    Attributes:
        type: the Arrow type of the column.
        step, offset, places: the lattice, in whole numbers.
        low: the least k; None for an open end.
        odd: pairs of k and the number for it, where this differs from the formula in the last digit; of numbers that
            differ by so little the more frequent stands for all.
    """

    type: str = "double"
    step: int = 1
    offset: int = 0
    places: int = 1
    low: int | None = None
    odd: tuple[tuple[int, float], ...] = ()

    name: ClassVar[str] = "rounded"
    families: ClassVar[tuple[str, ...]] = ("number",)

    def __post_init__(self) -> None:
        """Check the lattice."""
        require(self.step > 0, "step", "positive", self.step)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The whole numbers k."""
        return (Part("", IntegerRange(-EXACT if self.low is None else self.low)),)

    @property
    def rule(self) -> str:
        """The values in words."""
        size, offset = self.step / 10**self.places, self.offset / 10**self.places
        return f"a multiple of {size:g}" if not self.offset else f"{offset:g} more than a multiple of {size:g}"

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return k, not whole for a number off the lattice."""
        steps = (as_numbers(column, name) * 10.0**self.places - self.offset) / self.step
        whole = np.round(steps)
        return np.where(np.abs(steps - whole) < _NEAR, whole, steps)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the numbers in the type of the column."""
        # The quotient of whole numbers is the double that the decimal number is read as.
        numbers = (self.offset + values[:, 0] * self.step) / 10.0**self.places
        if self.odd:
            known, spelled = (np.array(column, np.float64) for column in zip(*self.odd, strict=True))
            place = np.minimum(np.searchsorted(known, values[:, 0]), len(known) - 1)
            numbers = np.where(known[place] == values[:, 0], spelled[place], numbers)
        return of_numbers(numbers, self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Rounded":
        """Return the kind with the lattice of a column, or with the step given, as a decimal number such as 0.25."""
        lattice = facts.lattice
        if "step" in options:
            lattice = lattice_of(np.array([0.0, float(options.pop("step"))]))
        if lattice is None:
            raise bad("kinds", f"a kind that fits {facts.name}: its numbers are on no decimal lattice", "rounded")
        return with_options(_fitted(cls, facts, lattice), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take numbers with many ties that are multiples of a step, if many of the multiples between them occur."""
        lattice = facts.lattice
        if facts.family != "number" or lattice is None or facts.distinct < 3 or facts.distinct > facts.rows / 2:
            return None
        # A few whole numbers may be multiples of 2 or 3 by chance; every fifth year, from 1952, is a choice of years.
        if not lattice.places and (lattice.step == 1 or lattice.offset or facts.distinct < 5):
            return None
        if _occupied(facts, lattice) < 0.25:
            return None
        kind = _fitted(cls, facts, lattice)
        if len(kind.odd) > _ODD:
            return None
        return Found(kind, f"{facts.distinct:,} different numbers in {facts.rows:,} rows, each {kind.rule}", 0.6)


def _fitted(cls: type[Rounded], facts: ColumnFacts, lattice: Lattice) -> Rounded:
    """Return the kind of a lattice for a column, with the numbers that rounding moves off it."""
    positive = not facts.rows or facts.low >= 0
    kind = cls(str(facts.type), lattice.step, lattice.offset, lattice.places, 0 if positive else None)
    values, counts = facts.ties
    steps = np.round((values * 10.0**lattice.places - lattice.offset) / lattice.step)
    # Of the numbers for one k the most frequent.
    order = np.lexsort((-counts, steps))
    steps, first = np.unique(steps[order], return_index=True)
    values = values[order][first]
    again = (lattice.offset + steps * lattice.step) / 10.0**lattice.places
    near = np.abs(values - again) <= 1e-9 * np.maximum(1.0, np.abs(values))
    moved = near & (values != again)
    return replace(kind, odd=tuple(zip(steps[moved].astype(int).tolist(), values[moved].tolist(), strict=True)))


def _occupied(facts: ColumnFacts, lattice: Lattice) -> float:
    """Return the share of the lattice that occurs between the quartiles, the most frequent value left out."""
    values, counts = facts.ties
    rest = np.arange(len(values)) != counts.argmax() if counts.max() > 0.2 * facts.rows else np.ones(len(values), bool)
    values, counts = values[rest], counts[rest]
    share = np.cumsum(counts) / counts.sum()
    low, high = np.searchsorted(share, [0.25, 0.75])
    cells = (values[high] - values[low]) / lattice.size + 1
    return float((high - low + 1) / cells)
