"""Which kind each column of a table is, and which are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..._errors import bad, require
from .arrow_types import family
from .column import Column, Role
from .dialects import Dialect
from .facts import ArrowColumn, ColumnFacts
from .frame import Frame
from .kinds import Continuous, Found, all_kinds
from .left_out import LeftOut, reason_to_leave_out
from .names import position
from .settings import KindSetting, kind_of
from .spelling import Spelling
from .texts import typed


def inferred(
    frame: Frame,
    kinds: Mapping[str, KindSetting],
    given: Sequence[str],
    weight: str | None,
    exclude: Sequence[str],
    units: Mapping[str, str],
) -> tuple[tuple[Column, ...], tuple[LeftOut, ...], tuple[str, ...]]:
    """Return the columns of a schema, those that are left out, and notes for the user.

    Arguments:
        frame: the table.
        kinds: kinds that the user has set, by name.
        given, weight: names of columns by role.
        exclude: names of columns to leave out.
        units: units by name.

    Raises:
        ValueError: if a name is unknown, a column does not fit the kind that is set for it, or no column is left.
    """
    named = {"kinds": kinds, "given": given, "units": units, "exclude": exclude, "weights": [weight] if weight else []}
    for argument, names in named.items():
        for name in names:
            position(name, frame.names, argument)
    require(len(frame) > 0, "table", "a table with rows", "`none`")
    columns: list[Column] = []
    left_out: list[LeftOut] = []
    notes: list[str] = []
    seen: dict[Any, str] = {}
    for name in frame.names:
        role: Role = "weight" if name == weight else "given" if name in given else "event"
        if name in exclude:
            left_out.append(LeftOut(name, "by your choice"))
            continue
        cells, spelling, text = _without_text(frame, name)
        facts = ColumnFacts(name, cells)
        setting = kinds.get(name)
        reason = reason_to_leave_out(facts)
        if setting is None and reason is None and role != "weight":
            reason = _copied(facts, role, seen)
        if reason is not None and (setting is None or not facts.rows) and role != "weight":
            _require_free(role, name, reason)
            left_out.append(LeftOut(name, reason))
            continue
        if role == "weight":
            found = Found(_weight(facts), "weight of the row", 1.0)
        else:
            found = _found(facts) if setting is None else Found(kind_of(facts, setting), "set by you", 1.0)
        column = Column(name, role, found.kind, units.get(name), spelling, text, found.reason, facts.missing)
        _require_fit(column, cells)
        columns.append(column)
        notes += facts.suspicions if facts.family == "number" else ()
    if not any(column.role == "event" for column in columns):
        reasons = "; ".join(f"{column.name}: {column.reason}" for column in left_out)
        raise bad("table", "a table with a column that has a density", f"`{reasons or 'none'}`", "Set a kind for one.")
    return tuple(columns), tuple(left_out), tuple(notes)


def _found(facts: ColumnFacts) -> Found:
    """Return the kind of which the column is surest; of equally sure ones the first by name."""
    found = [f for f in (kind.infer(facts) for _, kind in sorted(all_kinds().items())) if f is not None]
    if not found:
        raise bad(facts.name, "a column of a type that has a kind", f"`type {facts.type}`", "Leave it out.")
    return max(found, key=lambda f: f.sure)


def _weight(facts: ColumnFacts) -> Continuous:
    if facts.family != "number" or facts.missing or not facts.rows or facts.low < 0:
        low = f"{facts.low:g} the lowest" if facts.family == "number" and facts.rows else f"type {facts.type}"
        rule = "a column of numbers, none negative or missing"
        raise bad("weight", rule, f"`{facts.name}`: {low}, {facts.missing} missing")
    return Continuous(str(facts.type))


def _without_text(frame: Frame, name: str) -> tuple[ArrowColumn, Spelling | None, str | None]:
    """Return a column, with text that spells numbers or dates read as such; its spelling; and its type if it was so."""
    import pyarrow as pa

    cells = frame.table[name].combine_chunks()
    spelling = frame.spellings.get(name)
    if spelling is not None or family(cells.type) != "text" or pa.types.is_dictionary(cells.type):
        return cells, spelling, None
    table, spellings, _, _ = typed(pa.table({name: cells.fill_null("")}), Dialect(), {}, None)
    read = table[name].combine_chunks()
    if family(read.type) == "text":
        return cells, None, None
    return read, replace(spellings[name], missing=""), str(cells.type)


def _copied(facts: ColumnFacts, role: Role, seen: dict[Any, str]) -> str | None:
    """Return that a column repeats an earlier one of its role, if it does, else note it down."""
    gaps = facts.column.is_null(nan_is_null=facts.family == "number").to_numpy(zero_copy_only=False)
    if facts.family == "number":
        cells: Any = facts.numbers.tobytes()
    else:  # Equal columns have the same levels in order of appearance, at the same places.
        coded = facts.observed.dictionary_encode()
        cells = (coded.indices.to_numpy().tobytes(), hash(tuple(coded.dictionary.to_pylist())))
    first = seen.setdefault((role, facts.family, cells, np.packbits(gaps).tobytes()), facts.name)
    return None if first == facts.name else f"repeats {first} cell by cell: a copy has no density of its own"


def _require_free(role: Role, name: str, reason: str) -> None:
    if role == "given":
        raise bad("given", "columns that say something", f"`{name}`: {reason}", "Set its kind, or leave it out.")


def _require_fit(column: Column, cells: ArrowColumn) -> None:
    """Raise unless the cells of a column are values of its kind."""
    _, wrong = column.encode(cells)
    if wrong.any():
        row = int(np.argmax(wrong))
        more = f", {int(wrong.sum()):,} such rows" if wrong.sum() > 1 else ""
        got = f"`{cells[row].as_py()}` in row {row + 1} of {column.name}{more}"
        raise bad("kinds", f"{column.kind.name} for columns in which each cell is {column.kind.rule}", got)
