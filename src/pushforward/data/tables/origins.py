"""Tables of other libraries as tables of Arrow, and back with the types that they had."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from ..._errors import bad

#: A `pyarrow.Table`.
ArrowTable: TypeAlias = Any
#: The column in which pandas keeps an index without a name.
INDEX = "__index_level_"


def to_arrow(source: Any) -> tuple[ArrowTable, Any, tuple[str, ...]]:
    """Return a table of any library as one of Arrow, the same without rows as the library has it, and notes.

    Arguments:
        source: a table of pyarrow, pandas, Polars, or any library that Narwhals knows or that offers the Arrow
            PyCapsule interface, a structured array, a mapping from names to columns, or a `pushforward.data.Table`.

    Raises:
        ValueError: for anything else, and if a column mixes types.
    """
    import pyarrow as pa

    if isinstance(source, pa.RecordBatch):
        source = pa.table(source)
    if isinstance(source, pa.Table):
        return _plain(source), source.slice(0, 0), ()
    if isinstance(source, np.ndarray) and source.dtype.names and source.ndim == 1:
        return _of_arrays({name: source[name] for name in source.dtype.names}), source[:0], ()
    if isinstance(source, Mapping):
        return _of_arrays(source), {}, ()
    names, values = getattr(source, "names", None), getattr(source, "values", None)
    if isinstance(names, tuple) and isinstance(values, np.ndarray) and values.ndim == 2:
        return _of_arrays(dict(zip(names, values.T, strict=True))), None, ()
    library = type(source).__module__.split(".")[0]
    if library == "pandas" and hasattr(source, "columns"):
        return _of_pandas(source)
    if library == "polars" and hasattr(source, "to_arrow"):
        return _of_polars(source)
    if hasattr(source, "__arrow_c_stream__"):
        table = pa.table(source)
        return _plain(table), table.slice(0, 0), ()
    import narwhals

    frame = narwhals.from_native(source, eager_only=True, pass_through=True)
    if isinstance(frame, narwhals.DataFrame):
        table = frame.to_arrow()
        return _plain(table), table.slice(0, 0), ()
    remedy = (
        "Call `.collect()` first." if hasattr(source, "collect") else "Pass a path, a data frame or {name: column}."
    )
    raise bad("source", "a table with named columns", f"`{type(source).__name__}`", remedy)


def to_native(table: ArrowTable, like: Any) -> Any:
    """Return a table of Arrow as the library of `like` has it, with the types of its columns of the same names.

    Arguments:
        table: a `pyarrow.Table`.
        like: what `to_arrow` has returned beside the table, or another table of that library; None for Arrow.
    """
    if isinstance(like, np.ndarray):
        return _structured(table, like.dtype)
    library = type(like).__module__.split(".")[0]
    if library == "pandas":
        return _pandas(table, like)
    if library == "polars":
        import polars

        frame = polars.DataFrame(table)
        return frame.cast({name: kind for name, kind in like.schema.items() if name in frame.columns})
    if isinstance(like, Mapping):
        return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    return table


def library_of(like: Any) -> Any:
    """Return a table without columns of the library of `like`, so that `to_native` gives no column its type."""
    library = type(like).__module__.split(".")[0]
    if library == "pandas":
        return like.iloc[:, :0]
    if library == "polars":
        return like.select([])
    return {} if isinstance(like, Mapping) else None


def _plain(table: ArrowTable) -> ArrowTable:
    """Return a table with one chunk for each column, one dictionary, and no views, which few functions take."""
    import pyarrow as pa

    def plain(kind: Any) -> Any:
        if pa.types.is_dictionary(kind):
            return pa.dictionary(kind.index_type, plain(kind.value_type), kind.ordered)
        return pa.large_string() if pa.types.is_string_view(kind) else kind

    fields = [pa.field(name, plain(field.type)) for name, field in zip(table.column_names, table.schema, strict=True)]
    return table.cast(pa.schema(fields)).unify_dictionaries().combine_chunks()


def _of_arrays(columns: Mapping[str, Any]) -> ArrowTable:
    import pyarrow as pa

    arrays = {}
    for name, column in columns.items():
        try:
            if isinstance(column, np.ndarray) and column.dtype.kind == "S":
                column = np.char.decode(column, "utf-8")
            if isinstance(column, np.ma.MaskedArray):
                arrays[str(name)] = pa.array(np.asarray(column.data), mask=np.ma.getmaskarray(column))
            elif isinstance(column, (pa.Array, pa.ChunkedArray)):
                arrays[str(name)] = column
            else:
                arrays[str(name)] = pa.array(
                    np.ascontiguousarray(column) if isinstance(column, np.ndarray) else list(column)
                )
        except (pa.ArrowException, TypeError) as error:
            raise _mixed(str(name), error) from None
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise bad("source", "a table of columns of one length", lengths)
    return _plain(pa.table(arrays))


def _of_pandas(frame: Any) -> tuple[ArrowTable, Any, tuple[str, ...]]:
    import pyarrow as pa

    notes = []
    if type(frame.index).__name__ != "RangeIndex":
        names = ", ".join(str(name) for name in frame.index.names if name is not None) or "without a name"
        notes.append(f"The index ({names}) is left out; `reset_index()` makes it a column.")
    arrays, names = [], []
    for place, name in enumerate(frame.columns):
        series = frame.iloc[:, place]
        try:
            arrays.append(pa.Array.from_pandas(series))
        except (pa.ArrowException, TypeError) as error:
            raise _mixed(str(name), error) from None
        names.append(str(name))
    return _plain(pa.table(arrays, names=names)), frame.iloc[:0], tuple(notes)


def _of_polars(frame: Any) -> tuple[ArrowTable, Any, tuple[str, ...]]:
    import polars

    return _plain(frame.to_arrow(compat_level=polars.CompatLevel.oldest())), frame.clear(), ()


def _mixed(name: str, error: Exception) -> ValueError:
    reason = str(error).strip().splitlines()[0]
    return bad("source", "a table in which a column has one type", f"`{name}`: {reason}", "Make its cells alike.")


def _pandas(table: ArrowTable, like: Any) -> Any:
    import pandas

    columns = {}
    known = {str(name): (name, like.iloc[:, place].dtype) for place, name in enumerate(like.columns)}
    for name in table.column_names:
        title, dtype = known.get(name, (name, None))
        if dtype is not None and hasattr(dtype, "__from_arrow__") and dtype.name != "category":
            series = pandas.Series(dtype.__from_arrow__(table[name].cast(_arrow_type(dtype, table[name].type))))
        else:
            series = table[name].to_pandas()
            # Numbers without a missing cell get back the type that they had; whole ones with a gap stay floats.
            if dtype is not None and series.dtype != dtype and not (dtype.kind in "iub" and series.hasnans):
                series = series.astype(dtype)
        columns[title] = series
    return pandas.DataFrame(columns)


def _arrow_type(dtype: Any, kind: Any) -> Any:
    """Return the type that an extension type of pandas reads: without the zone, the unit or the width of another."""
    import pyarrow as pa

    unit = getattr(dtype, "unit", None)
    return pa.timestamp(unit, kind.tz) if unit is not None and pa.types.is_timestamp(kind) else kind


def _structured(table: ArrowTable, dtype: np.dtype) -> np.ndarray:
    fields, columns = [], {}
    for name in table.column_names:
        column = table[name].to_numpy(zero_copy_only=False)
        was = dtype[name] if name in (dtype.names or ()) else column.dtype
        if was.kind in "iub" and table[name].null_count:  # There are no missing whole numbers.
            was = np.dtype(np.float64)
        if was.kind in "US":
            column = np.where(table[name].is_null(), "", column).astype(str)
            column = np.char.encode(column, "utf-8") if was.kind == "S" else column
        columns[name] = column
        fields.append((name, was))
    out = np.empty(table.num_rows, fields)
    for name, column in columns.items():
        out[name] = column
    return out
