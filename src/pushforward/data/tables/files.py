"""Tables on disk: CSV, Parquet, Feather and NumPy files as Arrow tables, and back."""

import gzip
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..._errors import bad
from .dialects import ArrowTable, Dialect, read_text_cells, write_text_cells

PathLike: TypeAlias = str | os.PathLike[str]

#: The formats of table files by their endings.
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
    ".npy": "npy",
    ".npz": "npz",
}


def format_of(path: PathLike) -> str:
    """Return "csv", "parquet", "feather", "npy" or "npz" by the ending of `path`; .csv.gz and .tsv.gz are "csv".

    Raises:
        ValueError: for any other ending.
    """
    suffix = Path(path).suffix.lower()
    if is_packed(path) and SUFFIXES.get(Path(Path(path).stem).suffix.lower()) == "csv":
        return "csv"
    if suffix not in SUFFIXES:
        raise bad(str(path), f"a file ending in {', '.join(SUFFIXES)}", Path(path).suffix or "`no ending`")
    return SUFFIXES[suffix]


def is_packed(path: PathLike) -> bool:
    """Return whether the name of a file says that it is packed by gzip."""
    return Path(path).suffix.lower() == ".gz"


def require_writable(path: PathLike) -> None:
    """Raise unless a file can be written at `path`; call this before long work.

    Raises:
        OSError: if it cannot be written; the message names the obstacle.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"Cannot write {path}: it is a directory; name a file in it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"Cannot write {path}: there is no directory {path.parent}; create it first.")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"Cannot write {path}: no permission to replace this file.")
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OSError(f"Cannot write {path}: {error.strerror or error} ({path.parent}).") from error


def read_arrow(path: PathLike) -> ArrowTable:
    """Read a whole table.

    Arguments:
        path: a .csv (with a header line), .parquet, .feather, .npy or .npz file. A plain matrix in a .npy
            file has columns x0, x1, ...; an .npz file has one column per array.

    Returns:
        A `pyarrow.Table`; the cells of a CSV file are text.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if the file is not in the format of its ending, has no columns, or repeats a column name.
    """
    kind = format_of(path)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    import pyarrow as pa

    try:
        if kind == "csv":
            table, _ = read_text_cells(path)
        elif kind == "parquet":
            import pyarrow.parquet

            table = pyarrow.parquet.read_table(path)
        elif kind == "feather":
            import pyarrow.feather

            table = pyarrow.feather.read_table(path)
        else:
            table = _from_numpy(path)
    except (pa.ArrowException, EOFError, UnicodeDecodeError, gzip.BadGzipFile) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path} is not a readable {kind} file: {reason}") from error
    _require_names(path, table.column_names)
    return table


def write_arrow(table: ArrowTable, path: PathLike) -> None:
    """Write a `pyarrow.Table` in the format given by the ending of `path`, which is replaced in one step.

    A .npy file is one plain matrix, without the names; an .npz file holds one array per column.

    Raises:
        OSError: if `path` cannot be written.
        ValueError: if `path` is a NumPy file and a column is text.
    """
    import pyarrow as pa

    kind = format_of(path)
    require_writable(path)
    text = [f.name for f in table.schema if not (pa.types.is_floating(f.type) or pa.types.is_integer(f.type))]
    if text and kind in ("npy", "npz"):
        raise bad(str(path), "a .csv, .parquet or .feather file where there are columns of text", ", ".join(text))
    with replacing(Path(path)) as part:
        if kind == "csv":
            write_text_cells(
                part, table.column_names, [column.cast(pa.string()).to_pylist() for column in table.columns], Dialect()
            )
        elif kind == "parquet":
            import pyarrow.parquet

            pyarrow.parquet.write_table(table, part)
        elif kind == "feather":
            import pyarrow.feather

            pyarrow.feather.write_feather(table, str(part))
        else:
            _to_numpy(table, part, kind)


def _from_numpy(path: Path) -> ArrowTable:
    import pyarrow as pa

    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {"": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} is not a readable NumPy file of plain numbers.") from error
    if len(arrays) == 1 and next(iter(arrays.values())).ndim == 2:
        matrix = next(iter(arrays.values()))
        arrays = {f"x{i}": matrix[:, i] for i in range(matrix.shape[1])}
    elif set(arrays) == {""} and arrays[""].dtype.names:
        record = arrays[""]
        arrays = {name: record[name] for name in record.dtype.names}
    elif set(arrays) == {""}:
        arrays = {"x0": arrays[""]}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
        raise bad(str(path), "a matrix, or arrays of one axis and one length", f"`shapes {sorted(shapes)}`")
    return pa.table({name: pa.array(array) for name, array in arrays.items()})


def _to_numpy(table: ArrowTable, path: Path, kind: str) -> None:
    columns = {name: table[name].to_numpy() for name in table.column_names}
    with open(path, "wb") as file:
        if kind == "npz":
            np.savez(file, **columns)
        else:
            np.save(file, np.stack(list(columns.values()), axis=1))


def _require_names(path: Path, names: list[str]) -> None:
    if not names:
        raise ValueError(f"{path} is empty: it has no columns.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise bad(str(path), "a table in which each column has its own name", f"`{twice[0]}` twice")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it replaces `path` at the end, or is removed if writing fails."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
