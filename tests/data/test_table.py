"""Tables: what is read, what is counted, what is refused and in which words."""

import pathlib

import numpy as np
import pytest

from pushforward.data import Schema, Table, read_table, require_writable, write_table
from pushforward.data.tables.files import read_arrow, write_arrow

WEATHER = pathlib.Path(__file__).parents[2] / "data" / "weather.csv"


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes, name: str = "t.csv") -> pathlib.Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather", "npz"])
def test_round_trip(tmp_path, rng, suffix):
    table = Table(("a", "b c", 'd,"e"'), rng.normal(size=(20, 3)) * [1, 1e30, 1e-30])
    write_table(tmp_path / f"t.{suffix}", table)
    again = read_table(tmp_path / f"t.{suffix}")
    assert again.names == table.names
    np.testing.assert_array_equal(again.values, table.values)


def test_matrix_without_names(tmp_path, rng):
    path = tmp_path / "t.npy"
    values = rng.normal(size=(5, 3))
    write_table(path, Table(("a", "b", "c"), values))
    assert read_table(path).names == ("x0", "x1", "x2")
    assert read_table(path, columns=["b", "c", "a"]).names == ("b", "c", "a")
    np.testing.assert_array_equal(read_table(path, columns=["x2", "x0"]).values, values[:, [2, 0]])
    with pytest.raises(ValueError, match=r"names of columns .* got 'b'"):
        read_table(path, columns=["b", "a"])


def test_missing_values_are_counted_and_dropped(written):
    path = written("a,b,c\n1,2,x\nNA,3,x\n4,,x\nnan,null,x\n5,6,NA\n")
    table = read_table(path, exclude=["c"])
    assert table.rows_read == 5
    assert table.missing == {"a": 2, "b": 2}
    np.testing.assert_array_equal(table.rows, [0, 4])
    np.testing.assert_array_equal(table.values, [[1, 2], [5, 6]])
    assert table.report() == "5 rows; 3 with a missing value dropped (a 2, b 2); 2 kept."
    with pytest.raises(ValueError, match=r"without missing values.*`a` empty in row 2, 3 such rows"):
        read_table(path, exclude=["c"], strict=True)


def test_files_of_spreadsheets(written):
    table = read_table(written("when;amount;n\n2021-01-01;12,5;1.000\n2021-01-02;;2.500\n"), exclude=["when"])
    np.testing.assert_array_equal(table.values, [[12.5, 1000]])
    table = read_table(written(",a,a\n0,5,1\n1,7,2\n"))
    assert table.names == ("a", "a.2")
    assert table.advice[1] == "Column 2 is called 'a' like another: called 'a.2'."


def test_one_column_keeps_its_empty_lines(written):
    table = read_table(written("a\n1\n\n3\n"))
    assert table.rows_read == 3
    np.testing.assert_array_equal(table.rows, [0, 2])


def test_a_column_missing_in_most_rows_is_pointed_out():
    table = read_table(WEATHER, exclude=["origin", "time_hour", "year"])
    (sentence,) = table.advice
    assert sentence.startswith("wind_gust is missing in 20,778 of 26,115 rows; without (--exclude wind_gust) 23,007")
    assert read_table(WEATHER, exclude=["origin", "time_hour", "wind_gust"]).values.shape == (23_007, 12)


def test_what_becomes_a_number(written):
    table = read_table(written("a,b,c,d\n1,true, 1.5 ,1e3\n-2,False,+.5,-7\n"))
    np.testing.assert_array_equal(table.values, [[1, 1, 1.5, 1000], [-2, 0, 0.5, -7]])


def test_types_of_parquet(tmp_path):
    import pyarrow as pa

    source = pa.table(
        {
            "flag": [True, None, False],
            "count": pa.array([1, 2, 3], pa.int8()),
            "half": pa.array(np.array([1, 2, 3], np.float16)),
            "level": pa.array([1.5, 2.5, 1.5]).dictionary_encode(),
        }
    )
    write_arrow(source, tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    np.testing.assert_array_equal(table.values, [[1, 1, 1, 1.5], [0, 3, 3, 1.5]])


@pytest.mark.parametrize(
    ("text", "kwargs", "words"),
    [
        ("", {}, "is empty: it has no columns"),
        ("a,b\n", {}, "has no rows"),
        ("a,b\n1,2\n3\n", {}, "not a readable csv file: CSV parse error: Row #3: Expected 2 columns, got 1"),
        (b"a,b\n\xff,2\n", {}, "a has 'ÿ' in row 1"),
        ("1,2\n3,4\n", {}, "with a header line; got '1,2'. Add a first line"),
        ("a,b\n1,x\n", {}, "b has 'x' in row 1`. Leave text and dates out, exclude=['b'] (--exclude b)"),
        ("a,b\n1,2\n1,2013-01-01\n", {}, "b has '2013-01-01' in row 2"),
        ("a,b\n1,2\n1,-inf\n", {}, "finite numbers; got `-inf` in row 2 of b"),
        ("a,b\n,2\n3,\n", {}, "is complete"),
        ("temp,b\n1,2\n", {"columns": ["tmp"]}, "got 'tmp'. Did you mean temp?"),
        ("temp,b\n1,2\n", {"exclude": ["zzz"]}, "got 'zzz'. The columns are temp, b."),
        ("a,b\n1,2\n", {"columns": ["a", "a"]}, "different names"),
        ("a,b\n1,2\n", {"exclude": ["a", "b"]}, "at least one name that is not excluded"),
    ],
)
def test_refusals(written, text, kwargs, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        read_table(written(text), **kwargs)
    assert words in str(error.value)


@pytest.mark.parametrize("suffix", ["parquet", "feather", "npy", "npz"])
def test_files_that_are_not_what_they_say(written, suffix):
    with pytest.raises(ValueError, match="is not a readable"):
        read_table(written(b"junk", f"t.{suffix}"))


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.array([{}], object))
    with pytest.raises(ValueError, match="plain numbers"):
        read_table(tmp_path / "t.npy")


def test_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_table(tmp_path / "no.csv")
    with pytest.raises(ValueError, match=r"ending in \.csv"):
        read_table(tmp_path / "no.xls")
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        require_writable(tmp_path / "no" / "t.csv")
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        require_writable(tmp_path)


def test_text_passes_through_unchanged(written, tmp_path):
    text = 'who,n\n"a, ""b""",1.10\nNA,002\n'
    write_arrow(read_arrow(written(text)), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == text


def test_a_failed_write_leaves_the_old_file(written, tmp_path):
    import pyarrow as pa

    path = tmp_path / "t.npy"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="columns of text"):
        write_arrow(pa.table({"a": ["x"]}), path)
    assert [p.name for p in tmp_path.iterdir()] == ["t.npy"]
    assert path.read_bytes() == b"old"


def test_a_table_is_an_array_of_its_rows():
    table = Table(("a", "b", "c"), np.arange(12.0).reshape(4, 3))
    assert len(table) == 4
    np.testing.assert_array_equal(np.asarray(table), table.values)
    np.testing.assert_array_equal(np.asarray(table.select(["c", "a"])), table.values[:, [2, 0]])
    assert table.select(["c", "a"]).names == ("c", "a")
    np.testing.assert_array_equal(table.take(np.array([2, 0])).values, table.values[[2, 0]])
    with pytest.raises(ValueError, match="The columns are a, b, c"):
        table.select(["d"])


def test_notes():
    values = np.random.default_rng(0).normal(size=(100, 2))
    assert Table(("a", "b"), values).notes() == ()
    values[:40, 1] = 0.0
    (note,) = Table(("a", "b"), values).notes()
    assert "one single value fills much of b (40%)" in note


def test_schema():
    schema = Schema.of(["a", "b"], ["c"], "w", {"c": "hPa"})
    assert schema.names == ("a", "b", "c", "w")
    assert Schema.from_json(schema.to_json(), 2, 1) == schema
    assert Schema.from_json({}, 2, 1).names == ("x0", "x1", "c0")
    for names, match in (((["a"], ["a"]), "different names"), (([], ["a"]), "at least one")):
        with pytest.raises(ValueError, match=match):
            Schema.of(*names)
    with pytest.raises(ValueError, match="`units` must be units of columns"):
        Schema.of(["a"], units={"b": "m"})
