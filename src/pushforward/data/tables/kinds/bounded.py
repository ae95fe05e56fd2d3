"""Numbers between bounds."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ...._errors import require
from ....supports import Interval
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._numbers import as_numbers, atoms_rule, of_numbers, shared

#: Stands for an end that is open: no number of a table lies beyond, and single precision holds it.
_OPEN = 1e30
#: Words in the names of columns that are shares of one, or of a hundred.
_SHARES = {"share", "fraction", "frac", "prop", "proportion", "prob", "probability"}
_SHARES |= {"percent", "pct", "percentage", "humidity", "humid"}


@final
@dataclass(frozen=True)
class Bounded(AbstractKind):
    """Numbers above, below or between bounds, with a density; a bound that occurs is an atom.

    Attributes:
        type: the Arrow type of the column.
        low, high: the bounds; None for an open end.
        atoms: values that many rows share, and bounds that occur, which have a probability.
    """

    type: str = "double"
    low: float | None = 0.0
    high: float | None = 1.0
    atoms: tuple[float, ...] = ()

    name: ClassVar[str] = "bounded"
    families: ClassVar[tuple[str, ...]] = ("number",)

    def __post_init__(self) -> None:
        """Check the bounds."""
        ends = (-_OPEN if self.low is None else self.low, _OPEN if self.high is None else self.high)
        require(ends[0] < ends[1] and ends != (-_OPEN, _OPEN), "low", "a bound below `high`, one given at least", ends)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The numbers."""
        low, high = -_OPEN if self.low is None else self.low, _OPEN if self.high is None else self.high
        return (Part("", Interval(low, high), self.atoms),)

    @property
    def rule(self) -> str:
        """The values in words."""
        ends = [f"above {self.low:g}"] if self.low is not None else []
        ends += [f"below {self.high:g}"] if self.high is not None else []
        return atoms_rule(" and ".join(ends), self.atoms)

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return the numbers."""
        return as_numbers(column, name)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the numbers in the type of the column."""
        return of_numbers(values[:, 0], self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Bounded":
        """Return the kind with the bounds given; by default 0 and 1, or 0 and 100 if a number is above 1."""
        bounds = {"low": 0.0, "high": 100.0 if facts.rows and facts.high > 1 else 1.0}
        if {"low", "high"} & set(options):
            bounds = {"low": options.get("low"), "high": options.get("high")}
        ends = {end for end in bounds.values() if end is not None and facts.rows and end in (facts.low, facts.high)}
        atoms = tuple(sorted({*facts.atoms, *ends}))
        return with_options(cls(str(facts.type), atoms=atoms), {**bounds, **options})

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take numbers from 0 to 1 or to 100 if the name says that they are shares, or if they fill 0 to 1."""
        if facts.family != "number" or facts.low < 0 or facts.high > 100:
            return None
        named = sorted(facts.words & _SHARES)
        fills = facts.low < 0.02 and 0.98 < facts.high <= 1 and facts.rows >= 100
        if not (fills or (named and (facts.high <= 1 or facts.high > 20))):
            return None
        kind = cls.of(facts)
        why = f"the name says {named[0]}" if named else "the numbers fill this range"
        return Found(kind, f"numbers from {facts.low:g} to {facts.high:g}; {why}{shared(facts)}", 0.4)
