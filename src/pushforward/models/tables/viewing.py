"""Columns of any kind in bins, to be counted and drawn."""

import datetime
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int

from ...data import Column
from ...data.tables.arrow_types import family
from ...supports import Categories

#: The most levels that are told apart, and about as many bins of numbers as there are.
LEVELS, BINS = 12, 30
#: Share of the rows on each side that the bins need not hold; and how far beyond the quartiles a tail calls for bins
#: that are equal on a logarithmic scale.
BEYOND, SKEWED = 0.005, 12.0
#: The places of cells that are missing, and of those beyond the bins.
MISSING, OUTSIDE = -1, -2


@final
@dataclass(frozen=True)
class Axis:
    """The bins of a column: its levels, or intervals of its numbers.

    Attributes:
        name: of the column.
        unit: of its values, if it is known.
        levels: the values that have a bin of their own; None for numbers. If there are others, the last bin is theirs.
        others: number of levels that share the last bin.
        edges: the increasing ends of the bins of numbers.
        family: of the Arrow type of the column, which says how a number is written.
    """

    name: str
    unit: str | None
    levels: tuple[Any, ...] | None
    others: int
    edges: tuple[float, ...]
    family: str

    @staticmethod
    def of(column: Column, cells: Sequence[Any], bins: int = BINS) -> "Axis":
        """Return the bins for the cells of a column.

        Arguments:
            column: of a schema.
            cells: `pyarrow` columns, of which the first decides which levels are frequent.
            bins: about how many bins numbers have.
        """
        of = family(cells[0].type)
        if has_levels(column, cells[0].type):
            counts: Counter[Any] = Counter(value for value in cells[0].to_pylist() if value is not None)
            for more in cells[1:]:
                counts.update({value: 0 for value in more.to_pylist() if value is not None})
            frequent = [value for value, _ in counts.most_common(LEVELS)]
            if column.kind.name != "categorical":  # Others have an order.
                frequent = [value for value in _order(column, counts) if value in set(frequent)]
            return Axis(column.name, column.unit, tuple(frequent), max(0, len(counts) - len(frequent)), (), of)
        values = as_numbers(cells[0])
        finite = values[np.isfinite(values)]
        return Axis(column.name, column.unit, None, 0, tuple(map(float, _edges(finite, bins, of))), of)

    @property
    def size(self) -> int:
        """The number of bins."""
        return len(self.edges) - 1 if self.levels is None else len(self.levels) + (self.others > 0)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The texts of the levels, or of the edges."""
        if self.levels is not None:
            more = (f"{self.others} others",) if self.others else ()
            return (*map(str, self.levels), *more)
        return tuple(self.text(edge) for edge in self.edges)

    def text(self, value: float) -> str:
        """Return a number as values of the column are written."""
        if not math.isfinite(value):
            return "-"
        if self.family in ("date", "timestamp"):
            moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=round(value))
            long = self.edges and self.edges[-1] - self.edges[0] > 3 * 86400
            return f"{moment:%Y-%m-%d}" if long else f"{moment:%Y-%m-%d %H:%M}"
        if self.family == "time":
            return f"{int(value) // 3600:02d}:{int(value) % 3600 // 60:02d}"
        if self.family == "duration":
            return str(datetime.timedelta(seconds=round(value)))
        whole = value == round(value) and abs(value) < 1e7
        return (f"{value:.0f}" if whole else f"{value:.4g}").replace("-", "\u2212")

    def places(self, cells: Any) -> Int[np.ndarray, " rows"]:
        """Return the number of the bin of each cell, MISSING or OUTSIDE."""
        if self.levels is not None:
            place = {value: i for i, value in enumerate(self.levels)}
            last = len(self.levels) if self.others else OUTSIDE
            found = [MISSING if value is None else place.get(value, last) for value in cells.to_pylist()]
            return np.asarray(found, int)
        values = as_numbers(cells)
        edges = np.asarray(self.edges)
        found = np.searchsorted(edges, values, side="right") - 1
        found = np.where(values == edges[-1], len(edges) - 2, found)
        found = np.where((found < 0) | (found > len(edges) - 2), OUTSIDE, found)
        return np.where(np.isnan(values), MISSING, found)


def has_levels(column: Column, kind: Any) -> bool:
    """Whether the cells of a column, of an Arrow type, are levels, and no numbers."""
    parts = column.kind.parts
    return family(kind) in ("text", "boolean") or (len(parts) == 1 and isinstance(parts[0].support, Categories))


def shares(places: np.ndarray, size: int, weights: np.ndarray | None = None) -> Float[np.ndarray, " bins"]:
    """Return the share of the observed cells in each bin."""
    observed = places != MISSING
    weights = np.ones(len(places)) if weights is None else weights
    total = max(float(weights[observed].sum()), 1e-300)
    inside = places >= 0
    return np.bincount(places[inside], weights[inside], size) / total


def pair_shares(a: np.ndarray, b: np.ndarray, sizes: tuple[int, int], weights: np.ndarray | None = None) -> np.ndarray:
    """Return the share of the rows, observed in both columns, in each pair of bins: shape `sizes`."""
    weights = np.ones(len(a)) if weights is None else weights
    observed, inside = (a != MISSING) & (b != MISSING), (a >= 0) & (b >= 0)
    total = max(float(weights[observed].sum()), 1e-300)
    flat = a[inside] * sizes[1] + b[inside]
    return np.bincount(flat, weights[inside], sizes[0] * sizes[1]).reshape(sizes) / total


def as_numbers(cells: Any) -> Float[np.ndarray, " rows"]:
    """Return the cells of an Arrow column of numbers as they are, of dates and times in seconds; NaN where missing."""
    import pyarrow as pa

    cells = cells.combine_chunks() if hasattr(cells, "combine_chunks") else cells
    of = family(cells.type)
    if of == "null":
        return np.full(len(cells), np.nan)
    missing = np.asarray(cells.is_null())
    if of == "date":
        cells = cells.cast(pa.date32()).cast(pa.int32())
        scale = 86400.0
    elif of == "number":
        return np.where(missing, np.nan, cells.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    else:
        units = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
        scale = units[cells.type.unit]
        cells = cells.cast(pa.int32() if str(cells.type).startswith("time32") else pa.int64())
    return np.where(missing, np.nan, scale * cells.fill_null(0).to_numpy(zero_copy_only=False))


def _order(column: Column, counts: Counter[Any]) -> list[Any]:
    """Return levels in the order of a kind."""
    levels = list(getattr(column.kind, "levels", ()))
    if set(counts) <= set(levels):
        return levels
    numbers = all(isinstance(value, int | float) for value in counts)
    return sorted(counts) if numbers else sorted(counts, key=str)


def _edges(values: np.ndarray, bins: int, of: str) -> np.ndarray:
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = (float(q) for q in np.quantile(values, (BEYOND, 1 - BEYOND)))
    different = np.unique(values)
    if len(different) <= bins and len(different) > 1:
        gaps = np.diff(different)
        step = float(gaps.min())
        whole = np.abs(gaps / step - np.round(gaps / step)).max() < 1e-6
        if whole and (different[-1] - different[0]) / step < 2 * bins:
            # Whole numbers begin their bins, so that the edges are whole; others lie in the middle.
            first = different[0] if step == round(step) else different[0] - step / 2
            return first + step * np.arange(round((different[-1] - different[0]) / step) + 2)
    first, middle, third = np.quantile(values, (0.25, 0.5, 0.75))
    if of == "number" and low > 0 and high - middle > SKEWED * max(third - first, 1e-300):
        return np.geomspace(low, high, bins + 1)
    if of in ("date", "timestamp", "time", "duration"):
        low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    step = _nice((high - low) / bins) if of == "number" else (high - low) / bins
    if of == "number" and np.array_equal(different, np.round(different)):
        step = max(1.0, round(step))
    first_edge = math.floor(low / step) * step
    count = max(1, math.ceil((high - first_edge) / step + 1e-9))
    return first_edge + step * np.arange(count + 1)


def _nice(step: float) -> float:
    """Return a step near to one that is 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return min((1, 2, 2.5, 5, 10), key=lambda nice: abs(math.log(nice * power / step))) * power
