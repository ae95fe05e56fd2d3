"""Dates."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float, Int

from ....supports import Categories, IntegerRange
from ..arrow_types import type_named
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._calendar import FIRST, LAST, UNITS, day_parts, join_days, of_units, split_days, whole_units


@final
@dataclass(frozen=True)
class Date(AbstractKind):
    """Days of the calendar, as the number of the week and the weekday; or months, as the year and the month.

    Attributes:
        type: the Arrow type of the column: of dates, or of times that are all at midnight.
        monthly: whether each date is the first of a month.
    """

    type: str = "date32[day]"
    monthly: bool = False

    name: ClassVar[str] = "date"
    families: ClassVar[tuple[str, ...]] = ("date", "timestamp")

    @property
    def parts(self) -> tuple[Part, ...]:
        """Week and weekday, or year and month."""
        if self.monthly:
            return Part("year", IntegerRange(1, 9999)), Part("month", Categories(12))
        return day_parts()

    @property
    def rule(self) -> str:
        """The values in words."""
        return "the first of a month" if self.monthly else "a date"

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return weeks since that of 1970-01-01 and weekdays from Monday, 0; or years and months from January, 0."""
        units, missing = whole_units(column, type_named(self.type), name)
        days = units / self._per_day
        whole = np.clip(np.floor(days), FIRST, LAST).astype(np.int64)
        wrong = np.not_equal(whole, days)
        if self.monthly:
            months = whole.astype("datetime64[D]").astype("datetime64[M]")
            wrong |= months.astype("datetime64[D]").astype(np.int64) != whole
            values = np.stack(np.divmod(months.astype(np.int64) + 1970 * 12, 12), axis=1).astype(np.float64)
        else:
            values = split_days(whole)
        values[wrong] = [part.impossible for part in self.parts]
        values[missing] = np.nan
        return values

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the dates in the type of the column."""
        missing = np.any(np.isnan(values), axis=1)
        values = np.where(missing[:, None], 0.0, values)
        if self.monthly:
            months = np.round((values[:, 0] - 1970) * 12 + values[:, 1]).astype(np.int64)
            days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        else:
            days = join_days(values).astype(np.int64)
        reach = min(LAST, 2**63 // self._per_day - 1)  # Nanoseconds reach from 1678 to 2262.
        return of_units(np.clip(days, max(FIRST, -reach), reach) * self._per_day, missing, type_named(self.type))

    @property
    def _per_day(self) -> int:
        """The units of the type in one day."""
        import pyarrow as pa

        kind = type_named(self.type)
        if pa.types.is_date32(kind):
            return 1
        return 86_400 * (1000 if pa.types.is_date64(kind) else UNITS[kind.unit])

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Date":
        """Return the kind, of months if all dates of the column are the first of one."""
        days = _days(cls(str(facts.observed.type)), facts)
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        firsts = len(days) > 1 and np.array_equal(months.astype("datetime64[D]").astype(np.int64), days)
        return with_options(cls(str(facts.observed.type), bool(firsts)), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take dates, and times that are all at midnight."""
        if facts.family not in ("date", "timestamp"):
            return None
        units, _ = whole_units(facts.observed, facts.observed.type, facts.name)
        plain = cls(str(facts.observed.type))
        if np.any(units % plain._per_day):
            return None
        kind, days = cls.of(facts), np.sort(_days(plain, facts)).astype("datetime64[D]")
        what = "first days of months" if kind.monthly else "dates"
        return Found(kind, f"{what} from {days[0]} to {days[-1]}", 1.0)


def _days(kind: Date, facts: ColumnFacts) -> Int[np.ndarray, " rows"]:
    return whole_units(facts.observed, facts.observed.type, facts.name)[0] // kind._per_day
