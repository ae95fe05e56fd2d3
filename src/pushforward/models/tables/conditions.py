"""What a question takes as given: cells that are equal to a value, one of several, or within a range."""

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from jaxtyping import Float

from ..._errors import bad, require
from ...columns import AbstractMarginal, AnyOrder
from ...data import Frame
from ...data.tables.arrow_types import type_named
from ...data.tables.kinds import AbstractKind
from .coding import Coding, RowCells

#: What a user gives: {column: value, list of values, or (low, high) with None for an open end}, or a table of values.
Given: TypeAlias = Mapping[str, Any] | Any
#: Intervals of scores (low, high], disjoint.
Intervals: TypeAlias = tuple[tuple[float, float], ...]


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
        within: for each part of which more than one value is allowed, the intervals of scores that are.
    """

    cells: Float[np.ndarray, "parts 3"]
    within: dict[int, Intervals]


def condition_of(coding: Coding, given: Mapping[str, Any]) -> Condition:
    """Return the conditions that a user has given by name.

    Raises:
        ValueError: if a column is unknown, a value is not of its kind, or cannot be.
    """
    cells = np.full((len(coding.marginals), 3), np.nan)
    within: dict[int, Intervals] = {}
    kinds = {column.name: column.kind for column in coding.schema.columns}
    for name, wanted in given.items():
        parts = coding.position(name, "given")
        if isinstance(wanted, tuple | Range):
            if isinstance(wanted, tuple):
                require(len(wanted) == 2, "given", f"(low, high) for a range of {name}", wanted)
                wanted = Range(*wanted)
            within |= _range(coding, kinds[name], name, parts, wanted)
        elif isinstance(wanted, list | set | frozenset):
            require(len(wanted) > 0, "given", f"at least one value of {name}", wanted)
            within |= _any_of(coding, kinds[name], name, parts, list(wanted))
        else:
            values = encode_values(kinds[name], name, [wanted])
            row = np.full((1, len(coding.marginals)), np.nan)
            row[0, list(parts)] = values[0]
            cells[list(parts)] = coding.cells(row)[0, list(parts)]
    return Condition(cells, within)


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


def _range(
    coding: Coding, kind: AbstractKind, name: str, parts: tuple[int, ...], wanted: Range
) -> dict[int, Intervals]:
    part = parts[0]
    if len(parts) > 1:
        rule = f"one value of {name}, or a list of values"
        raise bad("given", rule, f"`a range of {name}, whose values are not one number`")
    marginal, ends = coding.marginals[part], (wanted.low, wanted.high)
    if marginal.level_shares is not None:
        return {part: _levels_within(kind, name, len(marginal.level_shares), wanted)}
    low, high = (None if end is None else float(_numbers(kind, name, [end])[0, 0]) for end in ends)
    ordered = low is None or high is None or low <= high
    require(ordered, "given", f"a range of {name} with low <= high", f"`{ends[0]} to {ends[1]}`")
    bottom = -math.inf if low is None else _end(marginal, low, 0, wanted.without_low)
    top = math.inf if high is None else _end(marginal, high, 1, wanted.without_high)
    return {part: ((bottom, max(top, bottom)),)}


def _levels_within(kind: AbstractKind, name: str, count: int, wanted: Range) -> Intervals:
    """Return the levels of a column in a range: of numbers by their size, of ordinal ones by their order."""
    levels = kind.decode(np.arange(count, dtype=float)[:, None]).to_pylist()
    ends = wanted.low, wanted.high
    if kind.name == "ordinal":
        ends = tuple(None if end is None else encode_values(kind, name, [end])[0, 0] for end in ends)
        levels = list(range(count))
    elif any(isinstance(level, str | bool) for level in levels):
        rule = f"one value of {name}, or a list of values"
        raise bad("given", rule, f"`a range of {name}, whose values have no order`")
    low, high = ends
    after = operator.gt if wanted.without_low else operator.ge
    before = operator.lt if wanted.without_high else operator.le

    def holds(level: Any) -> bool:
        # The level of pooled rare numbers is no number.
        return level is not None and (low is None or after(level, low)) and (high is None or before(level, high))

    inside = [holds(level) for level in levels]
    require(any(inside), "given", f"a range of {name} that holds one of its values", f"`{wanted.low} to {wanted.high}`")
    return tuple((code - 0.5, float(code)) for code in range(count) if inside[code])


def _end(marginal: AbstractMarginal, value: float, side: int, without: bool) -> float:
    """Return the score at which a range begins (side 0) or ends (side 1); the value may lie outside the support."""
    low = marginal.lowest
    if marginal.is_whole and value != round(value):
        value, without = float((math.ceil if side == 0 else math.floor)(value)), False
    cell = marginal.cells(np.array([value]))[0]
    if not math.isfinite(cell[2]):  # An end of the support, or beyond it.
        return -math.inf if low is not None and value <= low else math.inf
    return float(cell[1 - side if without else side])


def _any_of(
    coding: Coding, kind: AbstractKind, name: str, parts: tuple[int, ...], wanted: list[Any]
) -> dict[int, Intervals]:
    part, *more = parts
    if more:
        raise bad("given", f"one value of {name}", wanted, "Its values are more than one number each.")
    cells = coding.marginals[part].cells(np.unique(encode_values(kind, name, wanted)[:, 0]))
    if coding.marginals[part].level_shares is not None:
        return {part: tuple((float(code) - 0.5, float(code)) for code in cells[:, 0])}
    if (cells[:, 0] == cells[:, 1]).any():
        raise bad("given", f"a range (low, high) of {name}", wanted, "Its single values have no probability.")
    return {part: tuple((float(low), float(high)) for low, high, _ in cells)}


def condition_cells(coding: Coding, frame: Frame) -> RowCells:
    """Return the cells of a table of given values, in which any columns may be left out, and cells be missing."""
    rest = [name for name in coding.places if name not in frame.names]
    cells, _ = coding.encode(frame, absent=rest)
    cells[:, coding.is_mark] = np.nan
    return cells


def probability_within(
    model: AnyOrder, cells: RowCells, part: int, intervals: Intervals
) -> tuple[Float[np.ndarray, "rows k"], Float[np.ndarray, "rows k"]]:
    """Return, for each interval, the probability below its lower end and within it, given the cells of each row."""
    low_end, high_end = model.heads[part].ends
    ends = np.clip(np.asarray(intervals, np.float64), low_end, high_end)
    scores = np.broadcast_to(ends.reshape(-1), (len(cells), 2 * len(intervals)))
    found = model.cdf(cells, ~np.isnan(cells[..., 0]), part, scores).astype(np.float64)
    below, up_to = found[:, 0::2], found[:, 1::2]
    return below, np.maximum(up_to - below, 0)


def draw_within(
    model: AnyOrder, cells: RowCells, part: int, intervals: Intervals, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Return scores drawn within intervals, given the cells of each row, and the probability of the intervals."""
    below, mass = probability_within(model, cells, part, intervals)
    total = mass.sum(axis=1)
    u = rng.uniform(size=len(cells)) * total
    which = np.minimum((np.cumsum(mass, axis=1) < u[:, None]).sum(axis=1), mass.shape[1] - 1)
    rows = np.arange(len(cells))
    level = below[rows, which] + u - (np.cumsum(mass, axis=1) - mass)[rows, which]
    scores = model.quantiles(cells, ~np.isnan(cells[..., 0]), part, level[:, None])[:, 0].astype(np.float64)
    low, high = np.clip(np.asarray(intervals, np.float64)[which], *model.heads[part].ends).T
    # The lower end belongs to the value below.
    low = np.minimum(low + 1e-6 * np.maximum(1, np.abs(low)), (low + high) / 2)
    return np.clip(scores, low, high), total


def with_scores(coding: Coding, cells: RowCells, part: int, scores: np.ndarray) -> RowCells:
    """Return rows with one more part, given by its scores."""
    values = coding.marginals[part].values(scores)
    out = cells.copy()
    out[:, part] = coding.marginals[part].cells(values)
    return out
