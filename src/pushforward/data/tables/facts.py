"""What a column holds: counted once, for all kinds to judge by."""

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np
from jaxtyping import Float, Int

from .arrow_types import ArrowType, family

#: A `pyarrow.Array` or `ChunkedArray`.
ArrowColumn: TypeAlias = Any

#: Whole numbers up to this are exact in double precision.
EXACT = 2**53
#: Decimals of a lattice, and its longest number in units of the last place: beyond, rounding could not be told apart.
_PLACES, _LONGEST = 6, 1e11
#: Numbers that often stand for a missing cell.
_SENTINEL = re.compile(r"-?(9{2,}|9{3,}\.9+)|-1|-8|-9")


@final
@dataclass(frozen=True)
class Lattice:
    """Equidistant decimal numbers: (offset + k step) / 10^places for whole k.

    Attributes:
        step, offset: whole numbers, 0 <= offset < step.
        places: decimals.
    """

    step: int
    offset: int
    places: int

    @property
    def size(self) -> float:
        """The distance between two neighbors."""
        return self.step / 10**self.places


@final
@dataclass(frozen=True)
class ColumnFacts:
    """A column and what can be counted in it.

    Attributes:
        name: of the column.
        column: a `pyarrow.Array`.
    """

    name: str
    column: ArrowColumn

    @property
    def type(self) -> ArrowType:
        """The Arrow type."""
        return self.column.type

    @property
    def family(self) -> str:
        """The family of the type: "number", "text", "date", ..."""
        return family(self.column.type)

    @property
    def is_dictionary(self) -> bool:
        """Whether the column is one of categories."""
        import pyarrow as pa

        return pa.types.is_dictionary(self.column.type)

    @property
    def words(self) -> frozenset[str]:
        """The words of the name, in lower case."""
        spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", self.name)
        return frozenset(word.lower() for word in re.split(r"[^A-Za-z]+", spaced) if word)

    @cached_property
    def observed(self) -> ArrowColumn:
        """The cells that are not missing; categories as their values."""
        import pyarrow as pa
        import pyarrow.compute

        pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
        column = self.column
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        if self.is_dictionary:
            column = column.cast(column.type.value_type)
        column = column.drop_null()
        return column.filter(pc.invert(pc.is_nan(column))) if pa.types.is_floating(column.type) else column

    @property
    def rows(self) -> int:
        """The number of cells that are not missing."""
        return len(self.observed)

    @property
    def missing(self) -> int:
        """The number of missing cells."""
        return len(self.column) - self.rows

    @cached_property
    def levels(self) -> dict[Any, int]:
        """The number of rows of each different value, the most frequent first, equally frequent ones in order."""
        import pyarrow.compute

        pc: Any = pyarrow.compute
        found = pc.value_counts(self.observed)
        values, counts = found.field("values").to_pylist(), found.field("counts").to_pylist()
        return dict(sorted(zip(values, counts, strict=True), key=lambda pair: (-pair[1], pair[0])))

    @cached_property
    def numbers(self) -> Float[np.ndarray, " observed"]:
        """The observed cells of a column of numbers; those of single precision as the decimals that they show."""
        import pyarrow as pa

        if self.family != "number":
            return np.zeros(0)
        if pa.types.is_float32(self.observed.type) or pa.types.is_float16(self.observed.type):
            values, codes = np.unique(self.observed.to_numpy(zero_copy_only=False), return_inverse=True)
            return values.astype(str).astype(np.float64)[codes]
        return self.observed.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)

    @cached_property
    def ties(self) -> tuple[Float[np.ndarray, " distinct"], Int[np.ndarray, " distinct"]]:
        """The different numbers in increasing order, and the rows of each."""
        return np.unique(self.numbers, return_counts=True)

    @cached_property
    def distinct(self) -> int:
        """The number of different values."""
        if self.family == "number":
            return len(self.ties[0])
        import pyarrow.compute

        pc: Any = pyarrow.compute
        return pc.count_distinct(self.observed).as_py()

    @property
    def low(self) -> float:
        """The lowest number."""
        return float(self.ties[0][0])

    @property
    def high(self) -> float:
        """The highest number."""
        return float(self.ties[0][-1])

    @cached_property
    def whole(self) -> bool:
        """Whether all numbers are whole and exact in double precision."""
        values = self.ties[0]
        return bool(self.rows and np.all(values == np.round(values)) and max(-self.low, self.high) <= EXACT)

    @cached_property
    def lattice(self) -> Lattice | None:
        """The widest lattice of decimal numbers that holds all numbers, if there is one; there must be two at least."""
        return lattice_of(self.ties[0])

    @cached_property
    def atoms(self) -> tuple[float, ...]:
        """The numbers that many more rows share than others, in increasing order."""
        values, counts = self.ties
        # Where most rows share their number with others, as where measurements have three digits, each number that is
        # shared is an atom: the share of rows that do not is the probability of a number not seen yet (Good, 1953).
        discrete = (counts == 1).sum() <= 0.25 * self.rows
        least = 2 if discrete else max(5.0, 0.01 * self.rows, 5 * float(np.median(counts)))
        return tuple(values[counts >= least].tolist())

    @property
    def most_common(self) -> tuple[float, float]:
        """The number of most rows, and its share of the rows."""
        values, counts = self.ties
        return float(values[counts.argmax()]), float(counts.max() / self.rows)

    @cached_property
    def suspicions(self) -> tuple[str, ...]:
        """Sentences on numbers such as -999 that lie apart from the others and may mean that a cell is missing."""
        values, counts = self.ties
        out = []
        for place, rest in ((0, values[1:]), (-1, values[:-1])):
            if len(rest) < 3 or not _SENTINEL.fullmatch(f"{values[place]:.12g}"):
                continue
            gap = abs(values[place] - rest[place])
            signed = values[place] < 0 <= rest[0]
            if signed or gap > 0.5 * (rest[-1] - rest[0]):
                apart = f"{values[place]:.12g} in {counts[place]:,} rows lies apart from {rest[0]:g} to {rest[-1]:g}"
                out.append(f"{self.name}: {apart}. If it means that the value is missing, leave such cells empty.")
        return tuple(out)


def lattice_of(values: Float[np.ndarray, " distinct"]) -> Lattice | None:
    """Return the widest lattice of decimal numbers that holds all of some different numbers, if there is one."""
    if len(values) < 2 or not np.all(np.isfinite(values)):
        return None
    for places in range(_PLACES + 1):
        scaled = values * 10.0**places
        if np.abs(scaled).max() > (_LONGEST if places else EXACT):
            return None
        whole = np.round(scaled)
        if np.all(np.abs(scaled - whole) <= (1e-13 * np.abs(whole) if places else 0.0)):
            numbers = whole.astype(np.int64)
            step = math.gcd(*np.diff(np.unique(numbers)).tolist()) or 1
            return Lattice(step, int(numbers[0]) % step, places)
    return None
