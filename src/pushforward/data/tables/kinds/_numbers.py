"""Columns of numbers of any Arrow type as double precision, and back."""

from decimal import Decimal
from typing import Any

import numpy as np
from jaxtyping import Float

from ...._errors import bad
from ..arrow_types import family, type_named
from ..columns import NotNumbers, floats
from ..facts import EXACT, ArrowColumn


def as_numbers(column: ArrowColumn, name: str) -> Float[np.ndarray, " rows"]:
    """Return a column of numbers in double precision, NaN where a cell is missing.

    Raises:
        ValueError: if a cell is no number, is infinite, or is a whole number that double precision cannot hold.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        values = floats(column)
    except NotNumbers as error:
        raise bad(name, "a column of numbers", f"`{error}`", "Set its kind, or leave it out.") from None
    wrong = np.isinf(values)
    if pa.types.is_integer(column.type):
        wrong |= np.abs(values) > EXACT
    if wrong.any():
        row = int(np.argmax(wrong))
        raise bad(name, "a column of finite numbers of at most 2^53", f"`{column[row].as_py()}` in row {row + 1}")
    return values


def of_numbers(values: Float[np.ndarray, " rows"], type_name: str) -> ArrowColumn:
    """Return numbers as a `pyarrow.Array` of a type, missing where NaN; what the type cannot hold is cut off."""
    import pyarrow as pa

    kind = type_named(type_name)
    if pa.types.is_dictionary(kind):
        return of_numbers(values, str(kind.value_type)).dictionary_encode().cast(kind)
    missing = np.isnan(values)
    values = np.where(missing, 0.0, values)
    if pa.types.is_integer(kind):
        dtype = kind.to_pandas_dtype()
        ends = np.iinfo(dtype)
        exact = np.clip(np.round(values), max(float(ends.min), -EXACT), min(float(ends.max), EXACT))
        return pa.array(exact.astype(dtype), kind, mask=missing)
    if pa.types.is_decimal(kind):
        quantum = Decimal(1).scaleb(-kind.scale)
        pairs = zip(values.tolist(), missing, strict=True)
        cells = [None if gone else Decimal(repr(x)).quantize(quantum) for x, gone in pairs]
        return pa.array(cells, kind)
    if family(kind) == "boolean":
        return pa.array(values > 0.5, mask=missing)
    return pa.array(values.astype(kind.to_pandas_dtype()), kind, mask=missing)


def atoms_rule(rule: str, atoms: tuple[float, ...]) -> str:
    """Return the rule of a support and its atoms in words."""
    if not atoms:
        return rule
    shown = ", ".join(f"{atom:g}" for atom in atoms[:5]) + (f", ... ({len(atoms)} in all)" if len(atoms) > 5 else "")
    return f"{rule}, or one of the frequent values {shown}" if len(atoms) > 1 else f"{rule}, or exactly {shown}"


def shared(facts: Any) -> str:
    """Return a sentence part on the atoms of a column of numbers; "" if it has none."""
    if not facts.atoms:
        return ""
    value, share = facts.most_common
    more = f" and {len(facts.atoms) - 1:,} more values are frequent" if len(facts.atoms) > 1 else ""
    return f"; {100 * share:.2g} % of the rows are exactly {value:g}{more}"
