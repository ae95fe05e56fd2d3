"""What a question takes as given: cells that are equal to a value, one of several, or within a range."""

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from jaxtyping import Float

from ..._errors import bad, require
from ...columns import AbstractMarginal
from ...data import Frame
from ...data.tables.arrow_types import type_named
from ...data.tables.kinds import AbstractKind
from .boxes import ALL, Boxes, Interval
from .coding import Coding, RowCells

#: What a user gives: {column: value, list of values, or (low, high) with None for an open end}, or a table of values.
Given: TypeAlias = Mapping[str, Any] | Any


@final
@dataclass(frozen=True)
class Range:
    """The values from low to high, as (low, high) is, of which the ends may be left out.

    Attributes:
        low, high: the ends; None for an open one.
        without_low, without_high: whether they are left out: what is above 0 is no value that is 0 for many rows.
    """

    low: Any = None
    high: Any = None
    without_low: bool = False
    without_high: bool = False


@final
@dataclass(frozen=True)
class Condition:
    """Conditions of one row.

    Attributes:
        cells: cells of the row; NaN where nothing is given, or not one value.
        within: for each column of which more than one value is allowed, the values that are.
    """

    cells: Float[np.ndarray, "parts 3"]
    within: tuple[Boxes, ...]


def condition_of(coding: Coding, given: Mapping[str, Any]) -> Condition:
    """Return the conditions that a user has given by name.

    Raises:
        ValueError: if a column is unknown, a value is not of its kind, or cannot be.
    """
    cells = np.full((len(coding.marginals), 3), np.nan)
    within: list[Boxes] = []
    kinds = {column.name: column.kind for column in coding.schema.columns}
    for name, wanted in given.items():
        parts = coding.position(name, "given")
        if isinstance(wanted, tuple | Range):
            if isinstance(wanted, tuple):
                require(len(wanted) == 2, "given", f"(low, high) for a range of {name}", wanted)
                wanted = Range(*wanted)
            within.append(_range(coding, kinds[name], name, parts, wanted))
        elif isinstance(wanted, list | set | frozenset):
            require(len(wanted) > 0, "given", f"at least one value of {name}", wanted)
            within.append(_any_of(coding, kinds[name], name, parts, list(wanted)))
        else:
            values = encode_values(kinds[name], name, [wanted])
            row = np.full((1, len(coding.marginals)), np.nan)
            row[0, list(parts)] = values[0]
            cells[list(parts)] = coding.cells(row)[0, list(parts)]
    return Condition(cells, tuple(within))


def encode_values(kind: AbstractKind, name: str, wanted: list[Any]) -> Float[np.ndarray, "n parts"]:
    """Return the parts of values of one column.

    Raises:
        ValueError: if a value is not of the kind.
    """
    values = _numbers(kind, name, wanted)
    for part, numbers in zip(kind.parts, values.T, strict=True):
        wrong = ~part.holds(numbers) | np.isnan(numbers)
        if wrong.any():
            raise bad("given", f"{kind.rule} for {name}", wanted[int(np.argmax(wrong))], "Any other value cannot be.")
    return values


def _numbers(kind: AbstractKind, name: str, wanted: list[Any]) -> Float[np.ndarray, "n parts"]:
    """Return the parts of values of the type of a column, which may lie outside its support."""
    import pyarrow as pa

    try:
        target = type_named(kind.type)
        target = target.value_type if pa.types.is_dictionary(target) else target
        if pa.types.is_string(target) or pa.types.is_large_string(target):
            wanted = [w if isinstance(w, str) else str(w) for w in wanted]
        column = pa.array(wanted).cast(target)
    except (pa.ArrowException, ValueError, TypeError):
        raise bad("given", f"{kind.rule} for {name}", wanted[0] if len(wanted) == 1 else wanted) from None
    return kind.encode(column, name)


def _range(coding: Coding, kind: AbstractKind, name: str, parts: tuple[int, ...], wanted: Range) -> Boxes:
    """Return the values of a column from one end to the other."""
    ends, marginals = (wanted.low, wanted.high), [coding.marginals[part] for part in parts]
    shares = marginals[0].level_shares
    if len(parts) == 1 and shares is not None:
        return Boxes(parts, tuple((level,) for level in _levels_within(kind, name, len(shares), wanted)))
    # A number may lie outside the support, but not what a date is made of, or the place of a level.
    parts_of = encode_values if len(parts) > 1 or kind.parts[0].named else _numbers
    low, high = (None if end is None else tuple(parts_of(kind, name, [end])[0]) for end in ends)
    ordered = low is None or high is None or bool(low <= high)
    require(ordered, "given", f"a range of {name} with low <= high", f"`{ends[0]} to {ends[1]}`")
    boxes = _between(marginals, low, high, wanted.without_low, wanted.without_high)
    require(bool(boxes), "given", f"a range of {name} that has a probability", f"`{ends[0]} to {ends[1]}`")
    return Boxes(parts, tuple(boxes))


def _between(
    marginals: Sequence[AbstractMarginal],
    low: tuple[float, ...] | None,
    high: tuple[float, ...] | None,
    without_low: bool = False,
    without_high: bool = False,
) -> list[tuple[Interval, ...]]:
    """Return the boxes of the values from low to high, of which earlier parts decide the order; None for an open end.

    Arguments:
        marginals: of the parts.
        low, high: the parts of the ends.
        without_low, without_high: whether the ends are left out.
    """
    first, *rest = marginals
    below = None if low is None else low[0]
    above = None if high is None else high[0]
    if not rest:
        return [(interval,) for interval in _intervals(first, below, above, without_low, without_high)]

    def at(end: float, *inner: Any) -> list[tuple[Interval, ...]]:
        """Return the boxes of one value of the first part."""
        return [(own, *box) for own in _intervals(first, end, end) for box in _between(rest, *inner)]

    if low is not None and high is not None and below == above:
        return at(low[0], low[1:], high[1:], without_low, without_high)
    boxes = [(interval, *(ALL,) * len(rest)) for interval in _intervals(first, below, above, True, True)]
    if low is not None:
        boxes += at(low[0], low[1:], None, without_low, False)
    if high is not None:
        boxes += at(high[0], None, high[1:], False, without_high)
    return boxes


def _intervals(
    marginal: AbstractMarginal,
    low: float | None,
    high: float | None,
    without_low: bool = False,
    without_high: bool = False,
) -> list[Interval]:
    """Return the intervals of scores of the values of one part in a range."""
    if marginal.level_shares is None:
        bottom = -math.inf if low is None else _end(marginal, low, 0, without_low)
        top = math.inf if high is None else _end(marginal, high, 1, without_high)
        return [(bottom, top)] if bottom < top else []
    codes = np.arange(len(marginal.level_shares))
    above = np.full(len(codes), True) if low is None else codes > low if without_low else codes >= low
    below = np.full(len(codes), True) if high is None else codes < high if without_high else codes <= high
    return [(code - 0.5, float(code)) for code in codes[above & below]]


def _levels_within(kind: AbstractKind, name: str, count: int, wanted: Range) -> list[Interval]:
    """Return the levels of a column that are numbers, in a range."""
    levels = kind.decode(np.arange(count, dtype=float)[:, None]).to_pylist()
    if any(isinstance(level, str | bool) for level in levels):
        rule = f"one value of {name}, or a list of values"
        raise bad("given", rule, f"`a range of {name}, whose values have no order`")
    low, high = wanted.low, wanted.high
    after = operator.gt if wanted.without_low else operator.ge
    before = operator.lt if wanted.without_high else operator.le

    def holds(level: Any) -> bool:
        # The level of pooled rare numbers is no number.
        return level is not None and (low is None or after(level, low)) and (high is None or before(level, high))

    inside = [holds(level) for level in levels]
    require(any(inside), "given", f"a range of {name} that holds one of its values", f"`{wanted.low} to {wanted.high}`")
    return [(code - 0.5, float(code)) for code in range(count) if inside[code]]


def _end(marginal: AbstractMarginal, value: float, side: int, without: bool) -> float:
    """Return the score at which a range begins (side 0) or ends (side 1); the value may lie outside the support."""
    low = marginal.lowest
    if marginal.is_whole and value != round(value):
        value, without = float((math.ceil if side == 0 else math.floor)(value)), False
    cell = marginal.cells(np.array([value]))[0]
    if not math.isfinite(cell[2]):  # An end of the support, or beyond it.
        return -math.inf if low is not None and value <= low else math.inf
    return float(cell[1 - side if without else side])


def _any_of(coding: Coding, kind: AbstractKind, name: str, parts: tuple[int, ...], wanted: list[Any]) -> Boxes:
    """Return some values of a column."""
    boxes = []
    for values in np.unique(encode_values(kind, name, wanted), axis=0):
        box = []
        for part, value in zip(parts, values, strict=True):
            own = _intervals(coding.marginals[part], value, value)
            if not own:
                raise bad("given", f"a range (low, high) of {name}", wanted, "Its single values have no probability.")
            box += own
        boxes.append(tuple(box))
    return Boxes(parts, tuple(boxes))


def condition_cells(coding: Coding, frame: Frame) -> RowCells:
    """Return the cells of a table of given values, in which any columns may be left out, and cells be missing."""
    rest = [name for name in coding.places if name not in frame.names]
    cells, _ = coding.encode(frame, absent=rest)
    cells[:, coding.is_mark] = np.nan
    return cells
