"""One column of a table as numbers."""

from typing import Any

import numpy as np
from jaxtyping import Float

from .texts import DOUBTFUL, MISSING


class NotNumbers(Exception):
    """Raised for a column of text, dates or nested values; the message shows the first such cell."""


def floats(column: Any) -> Float[np.ndarray, " rows"]:
    """Return the cells of an Arrow column as float64, NaN where a value is missing.

    Integers and booleans (also written as "true" and "false") become floats. Text that spells numbers is read
    as numbers.

    Raises:
        NotNumbers: if a cell is not a number; the message shows the first such cell.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = _parsed(column)
    elif not (
        pa.types.is_floating(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    ):
        raise NotNumbers(f"type {kind}")
    return column.cast(pa.float64(), safe=False).fill_null(float("nan")).to_numpy()


def _parsed(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them

    column = pc.utf8_trim_whitespace(column)
    lower = pc.utf8_lower(column)
    missing = pc.is_in(lower, pa.array((*MISSING, *DOUBTFUL), lower.type))
    column = pc.if_else(missing, pa.scalar(None, column.type), column)
    try:
        return column.cast(pa.float64())
    except pa.ArrowInvalid:
        pass
    truth = pc.is_in(lower, pa.array(("true", "false"), lower.type))
    if pc.all(pc.or_kleene(truth, column.is_null())).as_py():
        return pc.if_else(column.is_null(), pa.scalar(None, pa.bool_()), pc.equal(lower, "true"))
    for row, cell in enumerate(column, start=1):
        try:
            cell.cast(pa.float64())
        except pa.ArrowInvalid:
            raise NotNumbers(f"{cell.as_py()!r} in row {row}") from None
    raise AssertionError("a column fails to parse while each of its cells does")
