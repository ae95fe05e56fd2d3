"""Levels of a column as numbers, and back."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from ...._errors import bad
from ..arrow_types import family, type_named
from ..facts import ArrowColumn, ColumnFacts

#: What a level can be, so that a saved schema can hold it.
Level: TypeAlias = str | int | float | bool
#: The text of rare levels that were pooled to one.
OTHER = "(other)"


def levels_of(facts: ColumnFacts) -> list[Level]:
    """Return the levels of a column: categories in their order, also those that do not occur, others sorted."""
    if facts.is_dictionary:
        column = facts.column
        chunks = column.unify_dictionaries().chunks if hasattr(column, "chunks") else [column]
        dictionary = chunks[0].dictionary if chunks else column.type.value_type
        return [level for level in dictionary.to_pylist() if level is not None]
    return sorted(facts.levels)


def as_codes(column: ArrowColumn, levels: Sequence[Level], name: str, unseen: int) -> Float[np.ndarray, " rows"]:
    """Return the numbers of levels, NaN where a cell is missing, `unseen` for other levels.

    Raises:
        ValueError: if the levels are numbers and a cell is none.
    """
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    known = pa.array(list(levels))
    of = family(column.type)
    if of != "null" and str(column.type) != str(known.type):
        try:
            column = column.cast(known.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise bad(name, f"a column with levels such as {levels[0]!r}", f"`type {column.type}`") from None
    elif of == "null":
        return np.full(len(column), np.nan)
    missing = column.is_null(nan_is_null=of == "number").to_numpy(zero_copy_only=False)
    codes = pc.fill_null(pc.index_in(column, value_set=known).cast(pa.float64()), unseen)
    return np.where(missing, np.nan, codes.to_numpy(zero_copy_only=False))


def of_codes(codes: Float[np.ndarray, " rows"], levels: Sequence[Level], type_name: str) -> ArrowColumn:
    """Return levels by their numbers in a type; the number after the last is "(other)", or missing if not text."""
    import pyarrow as pa

    kind = type_named(type_name)
    text = isinstance(levels[0], str)
    missing = np.isnan(codes) | (codes < 0) | ((codes >= len(levels)) & (not text))
    places = pa.array(np.where(missing, 0, codes).astype(np.int32), mask=missing)
    needs_other = bool(np.any(codes[~missing] >= len(levels)))
    words = pa.array([*levels, OTHER] if needs_other else list(levels))
    if not pa.types.is_dictionary(kind):
        return words.take(places).cast(kind)
    if needs_other and len(words) > 127:  # An index of one byte may be full.
        kind = pa.dictionary(pa.int32(), kind.value_type, kind.ordered)
    return pa.DictionaryArray.from_arrays(
        places.cast(kind.index_type), words.cast(kind.value_type), ordered=kind.ordered
    )


def shown(levels: Sequence[Level]) -> str:
    """Return levels in words, the first of many."""
    return ", ".join(map(str, levels[:8])) + (f", ... ({len(levels)} in all)" if len(levels) > 8 else "")
