"""Tables of named columns as arrays: data frames of any library, structured arrays, tables of `pushforward.data`."""

import numbers
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, final

import numpy as np

from ._errors import bad

#: The remedy for a column that holds no numbers.
REMEDY = "Encode text and categories as numbers, or leave the column out."


@final
@dataclass(frozen=True)
class Columns:
    """Named columns of numbers.

    Attributes:
        values: shape (rows, columns), in a real dtype that all columns fit into; NaN for a missing cell.
        names: of the columns.
    """

    values: np.ndarray
    names: tuple[str, ...]


def read_columns(name: str, table: Any) -> Columns | None:
    """Return a table as numbers and names, or None for an object without named columns, such as an array.

    A table is a data frame of pandas, Polars, PyArrow or any other library that Narwhals knows, a structured array of
    NumPy, or an object with `names` and a matrix `values`, such as `pushforward.data.Table`. Columns hold integers,
    floating-point numbers or booleans, of any type, including nullable types and Python objects.

    Arguments:
        name: of the argument, for errors.
        table: anything.

    Raises:
        ValueError: if a column holds other values. The error names the column and shows the first such cell.
    """
    names, values = getattr(table, "names", None), getattr(table, "values", None)
    if isinstance(names, tuple) and isinstance(values, np.ndarray) and values.ndim == 2:
        return Columns(values, tuple(map(str, names)))
    if isinstance(table, np.ndarray):
        if table.dtype.names is None or table.ndim != 1:
            return None
        return _stacked(name, {column: table[column] for column in table.dtype.names}, len(table))
    if isinstance(table, (list, tuple, numbers.Number)) or not hasattr(table, "columns"):
        return None
    import narwhals

    frame = narwhals.from_native(table, eager_only=True, pass_through=True)
    if not isinstance(frame, narwhals.DataFrame):
        return None
    return _stacked(name, {str(column.name): _of_series(column) for column in frame.iter_columns()}, len(frame))


def _stacked(name: str, columns: dict[str, np.ndarray], rows: int) -> Columns:
    numeric = [_numbers(name, column, values) for column, values in columns.items()]
    values = np.stack(numeric, axis=1) if numeric else np.zeros((rows, 0))
    return Columns(values, tuple(columns))


def _of_series(series: Any) -> np.ndarray:
    """Return a column of a data frame as an array, of numbers if the column is numeric or boolean, else of objects."""
    import narwhals

    kind = series.dtype
    if not (kind.is_numeric() or kind == narwhals.Boolean):
        return np.array([*series.to_list(), None], object)[:-1]  # the extra None keeps NumPy from unpacking cells
    # NumPy has no missing integers or booleans.
    missing = isinstance(kind, narwhals.Decimal) or series.null_count() > 0
    return series.cast(narwhals.Float64).to_numpy() if missing else series.to_numpy()


def _numbers(name: str, column: str, values: np.ndarray) -> np.ndarray:
    """Return a column as numbers, with NaN for masked or missing cells."""
    if values.ndim == 1 and np.ma.is_masked(values) and values.dtype.kind in "biuf":
        return np.ma.filled(values.astype(np.float64), np.nan)
    values = np.asarray(values)
    if values.ndim == 1 and values.dtype.kind in "biuf":
        return values
    if values.dtype.kind != "O" or values.ndim != 1:
        raise _refused(name, column, f"dtype {values.dtype}")
    out = np.empty(len(values))
    for row, cell in enumerate(values):
        if _is_missing(cell):
            out[row] = np.nan
        elif isinstance(cell, (numbers.Real, Decimal, np.bool_)):
            out[row] = float(cell)
        else:
            raise _refused(name, column, f"{cell!r} in row {row}")
    return out


def _is_missing(cell: Any) -> bool:
    # The missing cell of pandas cannot be compared with anything.
    return cell is None or type(cell).__name__ in ("NAType", "NaTType")


def _refused(name: str, column: str, found: str) -> ValueError:
    return bad(name, "of columns of real numbers", f"`{found}` of column `{column}`", REMEDY)
