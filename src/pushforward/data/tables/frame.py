"""Tables of any column types: read from a file or another library, and given back as they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from ..._errors import bad, require
from . import origins
from .arrow_types import family
from .dialects import Dialect, read_text_cells, write_text_cells
from .files import ArrowTable, PathLike, format_of, is_packed, read_arrow, replacing, require_writable, write_arrow
from .names import counts_rows, distinct_names, position
from .settings import Settings, settings_beside
from .spelling import Spelling, write_texts
from .texts import Known, typed


@final
@dataclass(frozen=True)
class Frame:
    """A table whose columns have the types that they came with.

    Attributes:
        table: a `pyarrow.Table`.
        spellings: how cells are written, by the names of the columns; of a table that was text.
        dialect: how the file is written, if it was one of separated values.
        words: the words for missing cells of a file of text and how often each occurs, by the names of the columns.
        notes: sentences for the user on what was read in a way that may surprise.
        like: the table without rows, as the library that it comes from has it; None for a file.
        settings: kinds and units that the user has set in a file beside the table.
    """

    table: ArrowTable
    spellings: Mapping[str, Spelling] = field(default_factory=dict)
    dialect: Dialect | None = None
    words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    like: Any = None
    settings: Settings = field(default_factory=Settings)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.table.column_names)

    @property
    def missing(self) -> dict[str, int]:
        """The number of missing cells of each column that has any."""
        counts = {name: _missing(self.table[name]) for name in self.names}
        return {name: count for name, count in counts.items() if count}

    def select(self, names: Sequence[str]) -> "Frame":
        """Return the named columns, in the order of `names`.

        Raises:
            ValueError: if a column is unknown; the message names it and similar names.
        """
        for name in names:
            position(name, self.names)
        return replace(self, table=self.table.select(list(names)))

    def take(self, rows: np.ndarray) -> "Frame":
        """Return some rows, given by their indices."""
        return replace(self, table=self.table.take(np.asarray(rows)))

    def native(self) -> Any:
        """Return the table as the library that it came from has it: a data frame, a structured array, or of Arrow."""
        return origins.to_native(self.table, self.like)

    def report(self) -> str:
        """Return how many rows and columns there are, how a file is written, missing cells by column, and the notes."""
        lines = [f"{len(self):,} rows, {len(self.names)} columns."]
        if self.dialect is not None and self.dialect.separator != "," and len(self.names) > 1:
            lines.append(f"Cells are separated by {self.dialect.separator!r}.")
        if self.dialect is not None and not self.dialect.encoding.startswith("utf-8"):
            lines.append(f"The text is encoded as {self.dialect.encoding}.")
        written = {name: self.spellings[name] for name in self.names if name in self.spellings}
        # Of whole numbers only the other mark is seen, that of thousands.
        whole = {name for name in written if str(self.table[name].type).startswith("int")}
        marked = [name for name, how in written.items() if how.decimal == "," and name not in whole]
        if marked:
            lines.append(f"Commas are decimal marks in {', '.join(marked)}.")
        for name, count in self.missing.items():
            words = {word or "empty": n for word, n in self.words.get(name, {}).items()}
            said = f" ({', '.join(f'{word} {n:,}' for word, n in words.items())})" if set(words) - {"empty"} else ""
            lines.append(f"{name}: {count:,} missing cells{said}.")
        return "\n".join((*lines, *self.notes))

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.table.num_rows


def read_frame(
    source: Any,
    *,
    columns: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    known: Mapping[str, Known] | None = None,
    missing: Sequence[str] | None = None,
) -> Frame:
    """Read a table with columns of any kind.

    Separators, encoding, decimal commas, marks of thousands, dates and words for missing cells of a CSV file are found
    by looking at its cells; `report` of the result says what was found.

    Arguments:
        source: the path of a .csv (also .csv.gz, .tsv), .parquet, .feather, .npy or .npz file; a table of pandas,
            Polars, PyArrow or a library that offers Arrow's interface; a structured array; {name: column}.
        columns: names of the columns to read, in this order; all by default.
        exclude: names of columns to leave out.
        known: types and spellings of columns of a CSV file that are known from another, by name.
        missing: the words for missing cells of a CSV file, in any capitals; by default the usual ones, as NA, ?.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if the source is no table, or a name is unknown.
    """
    for argument, names in (("columns", columns), ("exclude", exclude), ("missing", missing)):
        require(not isinstance(names, str), argument, "a list", names, f"Pass [{names!r}].")
    if isinstance(source, Frame):
        frame = source
    elif hasattr(source, "__fspath__") or isinstance(source, str):
        path = Path(source)
        frame = _read_csv(path, known or {}, missing) if format_of(path) == "csv" else _read_file(path)
        frame = replace(frame, settings=settings_beside(path))
    else:
        table, like, notes = origins.to_arrow(source)
        names, renamed = distinct_names(table.column_names)
        frame = Frame(table.rename_columns(names), notes=(*notes, *renamed), like=like)
    asked = frame.names if columns is None else tuple(columns)
    require(len(set(asked)) == len(asked), "columns", "different names", asked)
    for name in exclude:
        position(name, frame.names)
    return frame.select([name for name in asked if name not in exclude])


def write_frame(path: PathLike, frame: Frame) -> None:
    """Write a table in the format given by the ending of `path`; cells of text files are spelled as they were read.

    Arguments:
        path: a .csv (also .csv.gz, .tsv), .parquet, .feather, .npz or .npy file; the last two hold numbers only.
        frame: the table.

    Raises:
        OSError: if `path` cannot be written.
        ValueError: if a column is text and the file is one of NumPy.
    """
    if format_of(path) != "csv":
        write_arrow(frame.table, path)
        return
    require_writable(path)
    ending = "\t" if ".tsv" in Path(path).suffixes else None
    dialect = frame.dialect or Dialect(ending or ",")
    dialect = replace(dialect, separator=ending or dialect.separator, compressed=is_packed(path))
    cells = [write_texts(frame.table[name], frame.spellings.get(name, Spelling())) for name in frame.names]
    with replacing(Path(path)) as part:
        write_text_cells(part, list(frame.names), cells, dialect)


def _read_csv(path: Path, known: Mapping[str, Known], missing: Sequence[str] | None) -> Frame:
    import pyarrow as pa

    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        table, dialect = read_text_cells(path)
    except (pa.ArrowException, EOFError, OSError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path} is not a readable csv file: {reason}") from error
    notes = []
    if counts_rows(table.column_names[0], table.column(0)):
        table = table.remove_column(0)
        notes.append("The first column has no name and counts the rows: left out.")
        if not table.num_columns:
            raise bad(str(path), "a table with columns besides the number of the row", "`none`")
    names, renamed = distinct_names(table.column_names)
    table, spellings, words, said = typed(table.rename_columns(names), dialect, known, missing)
    return Frame(table, spellings, dialect, words, (*notes, *renamed, *said))


def _read_file(path: Path) -> Frame:
    table = origins.to_arrow(read_arrow(path))[0]
    notes: list[str] = []
    index = [name for name in table.column_names if name.startswith(origins.INDEX)]
    if index:
        table = table.drop_columns(index)
        notes.append("The index without a name that pandas has written is left out.")
    names, renamed = distinct_names(table.column_names)
    return Frame(table.rename_columns(names), notes=(*notes, *renamed))


def _missing(column: Any) -> int:
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
    # NaN in a column of numbers is a missing cell as well.
    nan = family(column.type) == "number" and str(column.type) in ("float", "double", "halffloat")
    return pc.sum(column.is_null(nan_is_null=nan).cast("int64")).as_py() or 0
