"""Conditions as a user types them on one line."""

from collections.abc import Mapping
from typing import Any

from ..._errors import bad, require
from ...data import Column, Schema
from ...data.tables.arrow_types import family, type_named
from ...data.tables.names import similar
from ...data.tables.spelling import Spelling
from ...data.tables.texts import read_as
from .conditions import Range

#: What stands between a name and the end of a range, the longer first.
COMPARISONS = (">=", "<=", ">", "<")


def parse_given(schema: Schema, text: str) -> Mapping[str, Any]:
    """Return the conditions that a text states, as `TableModel.sample` takes them.

        carrier=AA, delay=0..30, origin=JFK|LGA, month=>6, dest="Reno, NV"

    `a..b` is a range with both ends, of which one may be left out; `>a`, `>=a`, `<b` and `<=b` are open ranges; `a|b|c`
    is any of several values. Values are spelled as in the table; those that hold one of these signs stand in double
    quotes.

    Arguments:
        schema: the columns.
        text: conditions on columns, separated by commas.

    Raises:
        ValueError: if the text is not of this form, a name is unknown or repeated, or a value is not of its column.
    """
    columns = {column.name: column for column in schema.columns if column.role != "weight"}
    out: dict[str, Any] = {}
    for condition in _split(text, ","):
        name, wanted = _halves(condition)
        require(name in columns, "given", "conditions on columns of the model", name, similar(name, list(columns)))
        require(name not in out, "given", "one condition on each column", text)
        out[name] = _condition(columns[name], wanted)
    return out


def _condition(column: Column, text: str) -> Any:
    sign = next((sign for sign in COMPARISONS if text.startswith(sign)), None)
    if sign is not None:
        end = _value(column, text.removeprefix(sign))
        without = len(sign) == 1
        if sign[0] == ">":
            return Range(end, None, without_low=without)
        return Range(None, end, without_high=without)
    ends = _split(text, "..")
    if len(ends) == 2:
        low, high = (_value(column, end) if end else None for end in ends)
        return Range(low, high)
    values = [_value(column, value) for value in _split(text, "|")]
    return values if len(values) > 1 else values[0]


def _value(column: Column, text: str) -> Any:
    """Return a value of the type of a column."""
    import pyarrow as pa

    bare, kind = text.strip().replace('"', ""), type_named(column.kind.type)
    if family(kind) == "text":
        return bare
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    cells, broken = read_as(pa.array([bare]), kind, column.spelling or Spelling())
    if broken[0] or cells[0].as_py() is None:
        raise bad("given", f"{column.kind.rule} for {column.name}", bare)
    return cells[0].as_py()


def _halves(condition: str) -> tuple[str, str]:
    """Return the name of a column and what is wanted of it."""
    quoted = False
    for i, sign in enumerate(condition):
        quoted ^= sign == '"'
        if sign in "=<>" and not quoted:
            wanted = condition[i:].removeprefix("=").strip()
            if i and wanted:
                return condition[:i].strip().strip('"'), wanted
            break
    raise bad("given", "name=value, name=low..high, name=>low or name=a|b", condition)


def _split(text: str, mark: str) -> list[str]:
    """Split a text at a mark outside double quotes."""
    out, quoted, i = [""], False, 0
    while i < len(text):
        quoted ^= text[i] == '"'
        step = 1
        if not quoted and text.startswith(mark, i):
            out.append("")
            step = len(mark)
        else:
            out[-1] += text[i]
        i += step
    return [piece.strip() for piece in out]
