"""Named columns of numbers from a file; rows with missing values are counted and left out."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int

from ..._columns import read_columns
from ..._errors import bad, require
from .columns import NotNumbers, floats
from .dialects import read_text_cells
from .files import ArrowTable, PathLike, format_of, write_arrow
from .frame import Frame, read_frame, write_frame
from .names import distinct_names, position

#: With fewer rows per column, a flow hardly learns more than a mean and a covariance.
FEW = 20
#: A single value in more than this share of the rows is a spike of the density.
SPIKE = 0.3


@final
@dataclass(frozen=True)
class Table:
    """Rows of numbers under column names.

    Attributes:
        names: the columns, in order.
        values: shape (rows, columns), in the units of the file; finite if read by `read_table`.
        rows_read: rows in the file, including those left out.
        rows: index of each row in the file, from 0.
        missing: number of rows of the file with a missing value, for each column that has any.
        advice: sentences on columns that are missing in most rows.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "rows columns"]
    rows_read: int = -1
    rows: Int[np.ndarray, " rows"] = field(default_factory=lambda: np.arange(0))
    missing: dict[str, int] = field(default_factory=dict)
    advice: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the names against the values; by default every row counts as read and kept."""
        shape = self.values.shape
        if len(shape) != 2 or shape[1] != len(self.names):
            raise bad("values", f"of shape (rows, {len(self.names)}), one column per name", f"`shape {shape}`")
        require(len(set(self.names)) == len(self.names), "names", "all different", self.names)
        if self.rows_read < 0:
            object.__setattr__(self, "rows_read", shape[0])
            object.__setattr__(self, "rows", np.arange(shape[0]))

    @staticmethod
    def of(data: Any) -> "Table":
        """Convert a data frame of pandas, Polars or PyArrow, or a structured array, to a table; keep a table as it is.

        Raises:
            ValueError: if a column does not hold numbers, or the columns have no names.
        """
        if isinstance(data, Table):
            return data
        found = read_columns("data", data)
        if found is None or found.names is None:
            remedy = "Name the columns: pf.data.Table(names, values)."
            raise bad("data", "a table or a data frame", f"`{type(data).__name__}`", remedy)
        return Table(found.names, np.asarray(found.values, np.float64))

    def columns(self, names: Sequence[str]) -> Float[np.ndarray, "rows chosen"]:
        """Return the values of the named columns, in the order of `names`.

        Raises:
            ValueError: if a column is unknown; the message names it and similar names.
        """
        return self.values[:, [position(name, self.names) for name in names]]

    def select(self, names: Sequence[str]) -> "Table":
        """Return the table of the named columns, in the order of `names`, with the same rows.

        Raises:
            ValueError: if a column is unknown; the message names it and similar names.
        """
        missing = {name: n for name, n in self.missing.items() if name in names}
        return replace(self, names=tuple(names), values=self.columns(names), missing=missing)

    def take(self, rows: Int[np.ndarray, " taken"]) -> "Table":
        """Return the table of some rows, given by their indices in this table."""
        return Table(self.names, self.values[rows])

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.values.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the values, so that functions of arrays also accept a table."""
        return np.array(self.values, dtype, copy=copy)

    def notes(self) -> tuple[str, ...]:
        """Return warnings on columns with few rows or spikes, for which a log-likelihood says little."""
        sentences, spikes = [], []
        if len(self) < FEW * len(self.names):
            sentences.append(
                f"{len(self)} rows are few for {len(self.names)} columns: expect little more than a normal "
                "distribution, and wide standard errors."
            )
        for name, column in zip(self.names, self.values.T, strict=True):
            share = np.unique(column, return_counts=True)[1].max() / column.size
            if SPIKE < share < 1 and column.size >= FEW:
                spikes.append(f"{name} ({share:.0%})")
        if spikes:
            sentences.append(
                f"one single value fills much of {', '.join(spikes)}. The density has a spike there, its height is "
                "limited by the flow's stiffness alone: log-likelihoods are high without meaning much. To compare "
                "models, leave such columns out (--exclude)."
            )
        return tuple(sentences)

    def report(self) -> str:
        """Return one sentence on how many rows were read, kept and left out, and why."""
        kept = self.values.shape[0]
        if kept == self.rows_read:
            return f"{self.rows_read:,} rows, none with a missing value."
        counts = ", ".join(f"{name} {n:,}" for name, n in sorted(self.missing.items(), key=lambda c: -c[1]))
        dropped = self.rows_read - kept
        return f"{self.rows_read:,} rows; {dropped:,} with a missing value dropped ({counts}); {kept:,} kept."


def read_table(
    path: PathLike,
    columns: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    strict: bool = False,
) -> Table:
    """Read columns of numbers from a file.

    Empty cells and cells such as NA, NaN or null are missing values. Rows with a missing value in a chosen column are
    counted and dropped.

    Arguments:
        path: a .csv (with a header line), .parquet, .feather, .npy or .npz file.
        columns: names of the columns to read, in this order; all by default. A plain matrix in a .npy file
            has columns x0, x1, ..., or the names given here if their number is that of its columns.
        exclude: names of columns to leave out.
        strict: refuse missing values instead of dropping their rows.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if a name is unknown, a column is not numeric, a cell is infinite, or no row is left; with
            `strict`, if a value is missing.
    """
    for argument, names in (("columns", columns), ("exclude", exclude)):
        require(not isinstance(names, str), argument, "a list of names", names, f"Pass [{names!r}].")
    frame = read_frame(path)
    source = _named(frame.table, path, columns)
    chosen = _choose(tuple(source.column_names), columns, exclude)
    if source.num_rows == 0:
        raise ValueError(f"{path} has no rows.")
    values = _numbers(source, chosen)
    for j, name in enumerate(chosen):
        if np.isinf(values[:, j]).any():
            row = int(np.argmax(np.isinf(values[:, j])))
            remedy = f"Remove the row, leave the cell empty, or exclude {name}."
            raise bad(str(path), "a table of finite numbers", f"`{values[row, j]}` in row {row + 1} of {name}", remedy)
    absent = np.isnan(values)
    missing = {name: int(n) for name, n in zip(chosen, absent.sum(axis=0), strict=True) if n}
    if strict and missing:
        row, j = np.argwhere(absent)[0]
        where = f"`{chosen[j]}` empty in row {row + 1}, {int(absent.any(axis=1).sum()):,} such rows in all"
        raise bad(str(path), "without missing values (strict)", where, "Without strict these rows are dropped.")
    rows = np.flatnonzero(~absent.any(axis=1))
    others = tuple(f"{name}:" for name in frame.names if name not in chosen)
    advice = (*(note for note in frame.notes if not note.startswith(others)), *_advice(chosen, absent))
    if rows.size == 0:
        raise ValueError(f"No row of {path} is complete: {' '.join(advice) or 'choose fewer columns.'}")
    return Table(chosen, values[rows], source.num_rows, rows, missing, advice)


def write_table(path: PathLike, table: Table) -> None:
    """Write a table as .csv, .parquet, .feather, .npz, or (without the names) .npy.

    Raises:
        OSError: if `path` cannot be written.
    """
    import pyarrow as pa

    columns = {name: np.ascontiguousarray(table.values[:, j]) for j, name in enumerate(table.names)}
    write_arrow(pa.table(columns), path)


def add_column(path: PathLike, output: PathLike, name: str, values: Float[np.ndarray, " kept"], table: Table) -> None:
    """Write the table in `path`, with all cells unchanged, and one more column.

    Arguments:
        path: the file from which `table` was read.
        output: a .csv, .parquet, .feather, .npz or .npy file.
        name: name of the new column; replaces a column of the same name.
        values: shape (rows,), for the rows of `table`; in rows that were left out the cell is empty.
        table: gives the place of its rows in the file.

    Raises:
        OSError: if a file cannot be read or written.
    """
    import pyarrow as pa

    if format_of(path) == format_of(output) == "csv":  # Cells go through as they are.
        text, dialect = read_text_cells(Path(path))
        frame = Frame(text.rename_columns(distinct_names(text.column_names)[0]), dialect=dialect)
    else:
        frame = read_frame(path)
    source = frame.table
    if name in source.column_names:
        warnings.warn(f"{path} has a column {name} already: it is replaced.", UserWarning, stacklevel=2)
        source = source.drop_columns(name)
    column, empty = np.full(table.rows_read, np.nan, values.dtype), np.ones(table.rows_read, bool)
    column[table.rows], empty[table.rows] = values, False
    write_frame(output, replace(frame, table=source.append_column(name, pa.array(column, mask=empty))))


def _named(source: ArrowTable, path: PathLike, columns: Sequence[str] | None) -> ArrowTable:
    """Name the columns of a matrix without names by `columns`, if their number agrees."""
    unnamed = source.column_names == [f"x{i}" for i in range(source.num_columns)]
    if columns is None or not unnamed or format_of(path) not in ("npy", "npz"):
        return source
    fits = len(set(columns)) == source.num_columns and not set(columns) & set(source.column_names)
    return source.rename_columns(list(columns)) if fits else source


def _choose(known: tuple[str, ...], columns: Sequence[str] | None, exclude: Sequence[str]) -> tuple[str, ...]:
    for name in (*(columns or ()), *exclude):
        position(name, known)
    asked = tuple(known if columns is None else columns)
    require(len(set(asked)) == len(asked), "columns", "different names", asked)
    chosen = tuple(name for name in asked if name not in exclude)
    require(bool(chosen), "columns", "at least one name that is not excluded", asked)
    return chosen


def _numbers(source: ArrowTable, chosen: tuple[str, ...]) -> Float[np.ndarray, "rows columns"]:
    values = np.empty((source.num_rows, len(chosen)))
    refused: dict[str, str] = {}
    for j, name in enumerate(chosen):
        try:
            values[:, j] = floats(source[name])
        except NotNumbers as error:
            refused[name] = str(error)
    if refused:
        cells = "; ".join(f"{name} has {cell}" for name, cell in refused.items())
        names = ",".join(refused)
        remedy = f"Leave text and dates out, exclude={list(refused)} (--exclude {names}), or name the columns to use."
        raise bad("columns", "columns of numbers", f"`{cells}`", remedy)
    return values


def _advice(names: tuple[str, ...], absent: np.ndarray) -> tuple[str, ...]:
    total = absent.shape[0]
    mostly = absent.mean(axis=0) > 0.5
    if not mostly.any() or mostly.all():
        return ()
    scarce = [name for name, most in zip(names, mostly, strict=True) if most]
    kept = int((~absent[:, ~mostly].any(axis=1)).sum())
    each = " and ".join(
        f"{name} is missing in {int(n):,}" for name, n in zip(scarce, absent[:, mostly].sum(axis=0), strict=True)
    )
    return (f"{each} of {total:,} rows; without (--exclude {','.join(scarce)}) {kept:,} rows are kept.",)
