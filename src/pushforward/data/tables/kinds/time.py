"""Times of day."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ..arrow_types import type_named
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._calendar import UNITS, Clock, clock_of, clock_part, clock_words, join_clock, of_units, split_clock, whole_units


@final
@dataclass(frozen=True)
class Time(AbstractKind):
    """Times of day without a date.

    Attributes:
        type: the Arrow type of the column.
        clock: "hour" or "minute" if all times are on one, else "second".
    """

    type: str = "time64[us]"
    clock: Clock = "second"

    name: ClassVar[str] = "time"
    families: ClassVar[tuple[str, ...]] = ("time",)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The time of day."""
        return (clock_part(self.clock),)

    @property
    def rule(self) -> str:
        """The values in words."""
        return "a time of day" + ("" if self.clock == "second" else f", on the {self.clock}")

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return seconds since midnight, or the number of the minute or the hour."""
        kind = type_named(self.type)
        units, missing = whole_units(column, kind, name)
        return np.where(missing, np.nan, split_clock(units, UNITS[kind.unit], self.clock))[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the times in the type of the column."""
        kind = type_named(self.type)
        return of_units(join_clock(values[:, 0], UNITS[kind.unit], self.clock), np.isnan(values[:, 0]), kind)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Time":
        """Return the kind with the clock that all times of a column are on."""
        kind = facts.observed.type
        units, _ = whole_units(facts.observed, kind, facts.name)
        return with_options(cls(str(kind), clock_of(units, UNITS[kind.unit])), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take times of day."""
        if facts.family != "time":
            return None
        kind = cls.of(facts)
        return Found(kind, f"times of day, {clock_words(kind.clock)}", 1.0)
