"""Columns that a density leaves out: identifiers, constants, free text, empty ones."""

from dataclasses import dataclass
from typing import final

import numpy as np

from .facts import EXACT, ColumnFacts

#: Words in the names of columns that identify a row.
_KEYS = {"id", "ids", "key", "index", "idx", "uuid", "guid", "rownames", "rowid", "obs", "no", "nr", "serial"}
#: Text of which more than this share of the cells differ tells rows apart, and nothing about other columns.
_DIFFERENT = 0.8
#: Letters of a cell, on average, from which text with spaces is free text.
_LONG = 30


@final
@dataclass(frozen=True)
class LeftOut:
    """A column that is left out.

    Attributes:
        name: of the column.
        reason: why.
    """

    name: str
    reason: str


def reason_to_leave_out(facts: ColumnFacts) -> str | None:
    """Return why a column has no place in a density, or None if it has one."""
    if not facts.rows:
        return "all its cells are missing"
    if facts.family == "nested":
        return f"its cells are not single values but of type {facts.type}"
    if facts.distinct == 1:
        where = ", where not missing" if facts.missing else ""
        return f"constant: each cell is {facts.observed[0].as_py()!r}{where}"
    if facts.family == "number":
        return _number_reason(facts)
    return _text_reason(facts) if facts.family == "text" else None


def _number_reason(facts: ColumnFacts) -> str | None:
    if not facts.whole:
        large = max(-facts.low, facts.high) > EXACT and np.all(facts.ties[0] == np.round(facts.ties[0]))
        return "identifier: whole numbers beyond 2^53, which are not exact as numbers" if large else None
    all_different = facts.distinct == facts.rows and not facts.missing and facts.rows > 2
    if all_different and facts.low in (0, 1) and np.array_equal(np.diff(facts.numbers), np.ones(facts.rows - 1)):
        return f"identifier: it counts the rows from {facts.low:g}"
    named = sorted(facts.words & _KEYS)
    if all_different and named:
        return f"identifier: whole numbers, all different, and the name says {named[0]}"
    return None


def _text_reason(facts: ColumnFacts) -> str | None:
    share = facts.distinct / facts.rows
    cells = facts.observed[:1000].to_pylist()
    long = np.mean([len(cell) for cell in cells]) > _LONG and np.mean([" " in cell for cell in cells]) > 0.5
    if long and share > 0.5:
        return f"free text: {facts.distinct:,} different texts in {facts.rows:,} rows"
    if share == 1.0 and facts.rows > 2:
        return f"identifier: {facts.rows:,} texts, all different"
    if share > _DIFFERENT and facts.rows > 10:
        return f"identifier: text, {facts.distinct:,} different in {facts.rows:,} rows"
    return None
