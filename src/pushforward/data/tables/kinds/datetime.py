"""Dates with a time of day."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ..arrow_types import type_named
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._calendar import (
    FIRST,
    LAST,
    UNITS,
    Clock,
    clock_of,
    clock_part,
    clock_words,
    day_parts,
    join_clock,
    join_days,
    of_units,
    split_clock,
    split_days,
    whole_units,
)


@final
@dataclass(frozen=True)
class DateTime(AbstractKind):
    """Dates with a time of day, as the number of the week, the weekday and the time.

    Attributes:
        type: the Arrow type of the column.
        clock: "hour" or "minute" if all times are on one, else "second".
        offset: seconds from UTC to the clock by which days and times are told; the same all year, so that no time is
            told twice.
    """

    type: str = "timestamp[us]"
    clock: Clock = "second"
    offset: int = 0

    name: ClassVar[str] = "datetime"
    families: ClassVar[tuple[str, ...]] = ("timestamp",)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The week, the weekday, and the time of day."""
        return (*day_parts(), clock_part(self.clock))

    @property
    def rule(self) -> str:
        """The values in words."""
        return "a date with a time" + ("" if self.clock == "second" else f", on the {self.clock}")

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return weeks since that of 1970-01-01, weekdays from Monday, 0, and times of day."""
        units, missing = whole_units(column, type_named(self.type), name)
        days, rest = np.divmod(units + self.offset * self._per_second, 86_400 * self._per_second)
        wrong = np.logical_or(days < FIRST, days > LAST)
        times = split_clock(rest, self._per_second, self.clock)
        values = np.concatenate([split_days(days), times[:, None]], axis=1)
        values[wrong] = [part.impossible for part in self.parts]
        values[missing] = np.nan
        return values

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the dates and times in the type of the column."""
        missing = np.any(np.isnan(values), axis=1)
        values = np.where(missing[:, None], 0.0, values)
        per_day = 86_400 * self._per_second
        reach = min(LAST, 2**63 // per_day - 2)  # Nanoseconds reach from 1678 to 2262.
        days = np.clip(join_days(values[:, :2]), max(FIRST, -reach), reach).astype(np.int64)
        units = days * per_day + join_clock(values[:, 2], self._per_second, self.clock)
        return of_units(units - self.offset * self._per_second, missing, type_named(self.type))

    @property
    def _per_second(self) -> int:
        return UNITS[type_named(self.type).unit]

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "DateTime":
        """Return the kind with the clock that all times of a column are on, by the most usual offset of its zone."""
        kind = facts.observed.type
        units, _ = whole_units(facts.observed, kind, facts.name)
        offset = _offset(facts.observed)
        per_second = UNITS[kind.unit]
        clock = clock_of((units + offset * per_second) % (86_400 * per_second), per_second)
        return with_options(cls(str(kind), clock, offset), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take times with a date."""
        if facts.family != "timestamp":
            return None
        kind = cls.of(facts)
        zone = f", in zone {facts.observed.type.tz}" if facts.observed.type.tz else ""
        return Found(kind, f"dates with times, {clock_words(kind.clock)}{zone}", 0.9)


def _offset(column: ArrowColumn) -> int:
    """Return the most usual offset of the local time of a column from UTC, in seconds."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
    if column.type.tz is None or not len(column):
        return 0
    local = pc.local_timestamp(column).cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    here = column.cast(pa.timestamp("s", column.type.tz), safe=False).cast(pa.int64())
    return Counter(pc.subtract(local, here).to_pylist()).most_common(1)[0][0]
