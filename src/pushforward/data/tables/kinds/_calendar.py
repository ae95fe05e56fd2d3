"""Days as weeks and weekdays, times of a day as seconds or the steps of a clock, in whole numbers of Arrow's units."""

from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from ...._errors import bad
from ....supports import Categories, Circle, IntegerRange
from ..arrow_types import ArrowType, family
from ..facts import ArrowColumn
from ._base import Part

#: The steps of the times of day of a column: all on the hour, all on the minute, or any.
Clock: TypeAlias = Literal["hour", "minute", "second"]

#: Units of Arrow in one second.
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
#: Days since 1970 of the first and the last day that has a date: the years 1 to 9999.
FIRST, LAST = -719_162, 2_932_896
#: From a day to the Monday before 1970 began, a Thursday.
_MONDAY = 3
_DAY = 86_400


def day_parts() -> tuple[Part, Part]:
    """Return the parts of a date: the week, counted from that of 1970-01-01, and the weekday, Monday 0."""
    weeks = IntegerRange((FIRST + _MONDAY) // 7, (LAST + _MONDAY) // 7)
    return Part("week", weeks), Part("weekday", Categories(7))


def clock_part(clock: Clock) -> Part:
    """Return the part of a time of day."""
    if clock == "hour":
        return Part("hour", Categories(24))
    return Part("minute", IntegerRange(0, 1439)) if clock == "minute" else Part("time", Circle(float(_DAY)))


def split_days(days: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows 2"]:
    """Return weeks and weekdays of days since 1970."""
    return np.stack(np.divmod(days + _MONDAY, 7), axis=1).astype(np.float64)


def join_days(values: Float[np.ndarray, "rows 2"]) -> Float[np.ndarray, " rows"]:
    """Return days since 1970 of weeks and weekdays."""
    return np.round(values[:, 0]) * 7 + np.round(values[:, 1]) - _MONDAY


def split_clock(units: Int[np.ndarray, " rows"], per_second: int, clock: Clock) -> Float[np.ndarray, " rows"]:
    """Return the part of times of day; between the steps of the clock it is not whole."""
    seconds = units / per_second
    return seconds / 3600 if clock == "hour" else seconds / 60 if clock == "minute" else seconds


def join_clock(values: Float[np.ndarray, " rows"], per_second: int, clock: Clock) -> Int[np.ndarray, " rows"]:
    """Return times of day in units since midnight; NaN becomes midnight."""
    values = np.where(np.isnan(values), 0.0, values)
    if clock == "second":
        # A draw may be rounded up to the midnight at the end.
        return np.round(values * per_second).astype(np.int64) % (_DAY * per_second)
    return np.round(values).astype(np.int64) * ((3600 if clock == "hour" else 60) * per_second)


def clock_of(units: Int[np.ndarray, " rows"], per_second: int) -> Clock:
    """Return the widest clock whose steps all times of day are on."""
    if not np.any(units % (3600 * per_second)):
        return "hour"
    return "second" if np.any(units % (60 * per_second)) else "minute"


def clock_words(clock: Clock) -> str:
    """Return what a clock says of a column, in words."""
    return {"hour": "all on the hour", "minute": "all on the minute", "second": "to the second or finer"}[clock]


def whole_units(column: ArrowColumn, kind: ArrowType, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells of a column of dates or times as whole numbers of units of a type, and which are missing.

    Raises:
        ValueError: if the column holds anything else, or finer times than the type.
    """
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    try:
        if family(column.type) != "null" and family(kind) != family(column.type) and family(kind) != "timestamp":
            raise pa.ArrowInvalid
        if pa.types.is_timestamp(kind) and getattr(column.type, "tz", None) is None:
            column = column.cast(pa.timestamp(kind.unit))
        column = column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise bad(name, f"a column of type {kind}", f"`type {column.type}`") from None
    narrow = pa.int32() if kind in (pa.date32(), pa.time32("s"), pa.time32("ms")) else pa.int64()
    whole = pc.fill_null(column.cast(narrow), 0).cast(pa.int64())
    return whole.to_numpy(zero_copy_only=False), missing


def of_units(units: Int[np.ndarray, " rows"], missing: np.ndarray, kind: ArrowType) -> ArrowColumn:
    """Return whole numbers of units as a `pyarrow.Array` of a type of dates or times."""
    import pyarrow as pa

    narrow = np.int32 if kind in (pa.date32(), pa.time32("s"), pa.time32("ms")) else np.int64
    return pa.array(units.astype(narrow), mask=missing).cast(kind)
