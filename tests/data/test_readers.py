"""Readers: a table gives the same schema and cells wherever it comes from, and goes back as it came."""

import gzip
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pushforward.data import Schema, Table, read_frame, write_frame

N = 60
RNG = np.random.default_rng(0)
COUNT = RNG.poisson(3, N)
AMOUNT = [None if i % 7 == 3 else float(x) for i, x in enumerate(np.round(1e4 * RNG.lognormal(size=N), 2))]
TOWN = RNG.choice(["Oslo", "Malmö", "Århus, North"], N).tolist()
DAY = [date(1969, 12, 13 + i % 18) if i % 2 else date(2024, 2, 29) for i in range(N)]
PAID = (RNG.random(N) > 0.5).tolist()
COLUMNS = {"count": COUNT.tolist(), "amount": AMOUNT, "town": TOWN, "day": DAY, "paid": PAID}


def _csv(separator: str, number, day: str, words: tuple[str, str], missing: str) -> str:
    lines = [separator.join(COLUMNS)]
    for count, amount, town, when, paid in zip(*COLUMNS.values(), strict=True):
        cells = [str(count), missing if amount is None else number(amount), town, when.strftime(day), words[not paid]]
        lines.append(separator.join(f'"{cell}"' if separator in cell else cell for cell in cells))
    return "\n".join(lines) + "\n"


def _comma(x: float) -> str:
    return f"{x:,.2f}".translate(str.maketrans(",.", ".,"))


DIALECTS = {
    "commas": (_csv(",", "{:.2f}".format, "%Y-%m-%d", ("true", "false"), "NA"), "utf-8"),
    "european": (_csv(";", _comma, "%d.%m.%Y", ("Yes", "No"), ""), "cp1252"),
    "tabs": (_csv("\t", "{:,.2f}".format, "%d/%m/%Y", ("T", "F"), "-"), "utf-16"),
    "bars": (_csv("|", "{:.2f}".format, "%m/%d/%Y", ("y", "n"), "?"), "utf-8-sig"),
    "spaces": (_csv(",", lambda x: f"{x:,.2f}".replace(",", " "), "%d %b %Y", ("TRUE", "FALSE"), "null"), "utf-8"),
}
FRAMES = {
    "arrow": pa.table(COLUMNS),
    "batch": pa.table(COLUMNS).to_batches()[0],
    "pandas": pd.DataFrame(COLUMNS),
    "pandas of text": pd.DataFrame({**COLUMNS, "day": [str(d) for d in DAY]}),
    "polars": pl.DataFrame(COLUMNS),
    "array": np.array(
        list(zip(*{**COLUMNS, "amount": [np.nan if x is None else x for x in AMOUNT]}.values(), strict=True)),
        [("count", "i2"), ("amount", "f8"), ("town", "U20"), ("day", "M8[D]"), ("paid", "?")],
    ),
    "mapping": COLUMNS,
}


def _same(left, right) -> bool:
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right)
        return True
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and all(left[n].tolist() == right[n].tolist() for n in ("town", "day"))
    return left.equals(right)


@pytest.fixture(scope="module")
def expected():
    frame = read_frame(FRAMES["arrow"])
    schema = Schema.infer(frame)
    assert [column.kind.name for column in schema.columns] == ["integer", "positive", "categorical", "date", "boolean"]
    return schema, schema.encode(frame).values


def _check(source, expected, tmp_path=None):
    frame = read_frame(source)
    schema = Schema.infer(frame)
    assert [column.kind.name for column in schema.columns] == [column.kind.name for column in expected[0].columns]
    assert {column.missing for column in schema.columns if column.name == "amount"} == {AMOUNT.count(None)}
    cells = schema.encode(frame)
    assert cells.notes == ()
    np.testing.assert_array_equal(cells.values, expected[1])
    again = schema.decode(cells.values, frame)
    assert again.names == frame.names
    return schema, again


@pytest.mark.parametrize("name", DIALECTS)
def test_text_files(tmp_path, expected, name):
    text, encoding = DIALECTS[name]
    path, out = tmp_path / "t.csv", tmp_path / "out.csv"
    path.write_bytes(text.encode(encoding))
    schema, again = _check(path, expected)
    write_frame(out, again)
    assert out.read_bytes().decode(encoding) == text, "it is written as it was read"
    np.testing.assert_array_equal(Schema.from_json(schema.to_json()).encode(path).values, expected[1])
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(text.encode(encoding)))
    assert read_frame(packed).table.equals(read_frame(path).table)


@pytest.mark.parametrize("name", [*FRAMES, "parquet", "feather"])
def test_frames(tmp_path, expected, name):
    if name in FRAMES:
        source = FRAMES[name]
    else:
        source = tmp_path / f"t.{name}"
        write_frame(source, read_frame(FRAMES["arrow"]))
    _, again = _check(source, expected)
    native = again.native()
    if name == "mapping":
        assert list(native) == list(COLUMNS)
    elif name == "batch":
        assert native.equals(FRAMES["arrow"])
    else:
        assert _same(native, FRAMES.get(name, FRAMES["arrow"]))


def test_types_of_other_libraries_come_back():
    frame = pd.DataFrame(
        {
            "size": pd.Categorical(["S", "M", None, "L"] * 9, ["S", "M", "L"], ordered=True),
            "n": pd.array([1, None, 3, 7] * 9, "Int16"),
            "when": pd.to_datetime(["2013-01-01 05:07", "1960-01-01 00:00", None] * 12).tz_localize("Europe/Oslo"),
            "x": np.tile(np.array([1.5, np.nan, -2.25, 0.1], np.float32), 9),
        }
    )
    schema = Schema.infer(frame)
    assert [column.kind.name for column in schema.columns] == ["ordinal", "integer", "datetime", "continuous"]
    source = read_frame(frame)
    pd.testing.assert_frame_equal(schema.decode(schema.encode(source).values, source).native(), frame)
    levels = pl.Series(["b", None, "a"] * 9, dtype=pl.Enum(["b", "a"]))
    other = pl.DataFrame({"e": levels, "u": pl.Series([1, 2, None] * 9, dtype=pl.UInt16)})
    source = read_frame(other)
    schema = Schema.infer(source)
    assert schema.decode(schema.encode(source).values, source).native().equals(other)


def test_a_table_of_numbers_is_a_frame():
    table = Table(("a", "b"), RNG.normal(size=(5, 2)))
    assert read_frame(table, columns=["b"]).table["b"].to_pylist() == table.values[:, 1].tolist()


@pytest.mark.parametrize(
    ("text", "column", "cells", "said"),
    [
        ('a,b\n"1,234",1\n"5,678",2\n', "a", [1234, 5678], "taken for a mark of thousands"),
        ("a;b\n1,234;1\n5,678;2\n", "a", [1.234, 5.678], "taken for a decimal comma"),
        ("a;b\n1.234;1,5\n5.678;2\n", "a", [1234, 5678], "taken for a mark of thousands"),
        ("d,e\n03/04/2013,1\n05/06/2013,2\n", "d", [date(2013, 3, 4), date(2013, 5, 6)], "the month is read first"),
        (
            "d,e\n03/04/2013,13/4/2013\n05/06/2013,1/2/2013\n",
            "d",
            [date(2013, 4, 3), date(2013, 6, 5)],
            "the day is",
        ),
        ("a,a,\n1,2,3\n3,4,5\n", "a.2", [2, 4], "Column 3 has no name: called 'column 3'"),
        (",a\n0,5\n1,7\n2,5\n", "a", [5, 7, 5], "The first column has no name and counts the rows"),
        ("a,b\n1,x\n-,none\n.,NA\n", "a", [1, None, None], "b: 'none' (1) kept as text"),
        ("a,b\n1,none\n2,NA\n", "b", [None, None], "b: 2 missing cells (none 1, NA 1)"),
        ("zip,b\n00501,1\n10001,2\n", "zip", ["00501", "10001"], ""),
        ("a,b\n2013-02-30,1\n2013-02-28,2\n", "a", ["2013-02-30", "2013-02-28"], ""),
        ("sep=;\na;b\n1;2\n", "b", [2], ""),
        ("x,y\nr1,1,2\nr2,3,4\n", "y", [2, 4], "Column 1 has no name"),
        ("x\n1,5\n2,5\n", "x", [1.5, 2.5], "Commas are decimal marks in x"),
        ("x;y\n1,5;1.658.000\n2,5;2.000.000\n", "y", [1658000, 2000000], "Commas are decimal marks in x."),
    ],
)
def test_quirks(tmp_path, text, column, cells, said):
    path = tmp_path / "t.csv"
    path.write_text(text)
    frame = read_frame(path)
    assert frame.table[column].to_pylist() == cells
    assert said in frame.report()


def test_words_for_missing_cells_can_be_set(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("country,n\nNA,1\nSE,2\nnone,-9\n")
    frame = read_frame(path, missing=["none", "-9"])
    assert frame.table["country"].to_pylist() == ["NA", "SE", None]
    assert frame.table["n"].to_pylist() == [1, 2, None]


def test_later_tables_are_read_like_the_first(tmp_path):
    first, later = tmp_path / "first.csv", tmp_path / "later.csv"
    days = [f"{1 + i % 28:02}/{1 + i % 12:02}/2013" for i in range(40)]
    first.write_text("day;x\n" + "".join(f"{day};{i % 9},5\n" for i, day in enumerate(days)))
    later.write_text("day;x\n03/04/2013;1.234\n")
    schema = Schema.infer(first)
    frame = schema.read(later)
    assert frame.table["day"].to_pylist() == [date(2013, 4, 3)]
    assert frame.table["x"].to_pylist() == [1234.0]
