"""Schemas: what users set, what they see, and what is said of tables that do not fit."""

import json

import numpy as np
import pyarrow as pa
import pytest

from pushforward.data import Column, Schema, kinds, parse_kinds, read_frame, settings_beside

N = 100
RNG = np.random.default_rng(0)
TABLE = {
    "fare": np.where(RNG.random(N) < 0.2, 0, RNG.lognormal(size=N)),
    "guests": RNG.poisson(2, N),
    "carrier": RNG.choice(["AA", "UA", "DL"], N).tolist(),
    "day": [f"2013-0{1 + i % 9}-1{i % 7}" for i in range(N)],
    "share": RNG.uniform(0.001, 0.999, N),
}


def _with(**columns) -> dict:
    return {**TABLE, **columns}


@pytest.fixture(scope="module")
def schema():
    return Schema.infer(TABLE, kinds={"share": "bounded"})


def test_roles_parts_and_files(schema):
    weighted = Schema.infer(_with(w=RNG.uniform(size=N)), given=["carrier"], weight="w", units={"fare": "GBP"})
    assert (weighted.event, weighted.given) == (("fare", "guests", "day", "share"), ("carrier",))
    assert weighted.weight == "w"
    assert weighted.places["day"] == slice(3, 5)
    assert [part.suffix for part in weighted.parts[3:5]] == ["week", "weekday"]
    cells = weighted.encode(_with(w=RNG.uniform(size=N)))
    assert cells.values.shape == (N, len(weighted.parts)) == (N, 6)
    again = Schema.from_json(json.loads(json.dumps(weighted.to_json())))
    assert again == weighted
    np.testing.assert_array_equal(weighted.weights({"w": [1.0, 2.0]}), [1, 2])
    assert schema.weights(TABLE) is None
    with pytest.raises(ValueError, match=r"without negative or missing values; got `-1.0` in row 2"):
        weighted.weights({"w": [1.0, -1.0]})


def test_every_column_is_explained():
    lines = Schema.infer(_with(id=range(N), one=["x"] * N, copy=TABLE["guests"]), exclude=["share"]).explain()
    for words in (
        "fare     positive",
        "guests   integer",
        "id       left out              identifier: it counts the rows from 0",
        "one      left out              constant: each cell is 'x'",
        "copy     left out              repeats guests cell by cell",
        "share    left out              by your choice",
    ):
        assert any(line.startswith(words) for line in lines.splitlines()), (words, lines)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([None] * N, "all its cells are missing"),
        ([f"key {i}" for i in range(N)], "identifier: 100 texts, all different"),
        ([f"a long report with many words on the case {i // 2}" for i in range(N - 30)] + ["short"] * 30, None),
        ([f"a long report with many words on the case {i}" for i in range(N - 3)] + ["same"] * 3, "free text"),
        ([2**60 + i * i for i in range(N)], "beyond 2^53"),
        ([[1, 2]] * N, "its cells are not single values"),
    ],
)
def test_what_is_left_out(cells, reason):
    schema = Schema.infer(_with(extra=cells))
    reasons = {column.name: column.reason for column in schema.left_out}
    assert ("extra" in reasons) == (reason is not None)
    assert reason is None or reason in reasons["extra"]


def test_kinds_are_set_in_three_ways(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("wind_dir,size\n" + "".join(f"{i % 90},{'SML'[i % 3]}\n" for i in range(N)))
    path.with_suffix(".toml").write_text(
        '[kinds]\nwind_dir = {kind = "periodic", period = 90}\n'
        'size = {kind = "ordinal", levels = ["S", "M", "L"]}\n[units]\nwind_dir = "degrees"\n'
    )
    beside = settings_beside(path)
    told = parse_kinds(["wind_dir={kind='periodic', period=90}", 'size={kind="ordinal", levels=["S", "M", "L"]}'])
    assert told == beside.kinds
    objects = {"wind_dir": kinds.Periodic("int64", 90.0, 0.0), "size": kinds.Ordinal("string", ("S", "M", "L"))}
    for chosen in (told, objects):
        schema = Schema.infer(path, kinds=chosen, units=beside.units)
        assert [column.kind for column in schema.columns] == [objects["wind_dir"], objects["size"]]
        assert schema.units == {"wind_dir": "degrees"}
    assert parse_kinds(["fare=positive"]) == {"fare": "positive"}
    assert settings_beside(tmp_path / "other.csv").kinds == {}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"fare": "positve"}, "got 'positve'. Did you mean positive?"),
        ({"fair": "positive"}, "`kinds` must be names of columns of the table; got 'fair'. Did you mean fare?"),
        ({"fare": {"kind": "bounded", "hihg": 2}}, "settings that the kind bounded has; got 'hihg'. It has low, high"),
        ({"fare": {"kind": "bounded", "low": "a"}}, "`low` must be a number; got 'a'"),
        (
            {"fare": {"kind": "bounded", "high": 1.0}},
            "columns in which each cell is below 1, or exactly 0; got `",
        ),
        ({"fare": "integer"}, "integer for columns in which each cell is a whole number from 0; got `"),
        ({"carrier": {"kind": "ordinal", "levels": ["AA"]}}, "in which each cell is one of AA, in this order; got `"),
        ({"carrier": "continuous"}, "continuous for columns of type number; got `carrier` of type string, such as '"),
        ({"guests": "date"}, "date for columns of type date or timestamp; got `guests` of type int64"),
    ],
)
def test_kinds_that_do_not_fit(kind, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Schema.infer(TABLE, kinds=kind)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"carrier": ["AA", "UA", "ZZ"]}, "carrier is 'ZZ' in row 3, not one of AA, DL, UA: the density is zero."),
        ({"guests": [0, -1, -2]}, "guests is -1 in row 2, one of 2 such cells, not a whole number from 0"),
        ({"guests": [0.0, 1.5, 2.0]}, "guests is 1.5 in row 2"),
        ({"fare": [1.0, 0.0, -3.0]}, "fare is -3.0 in row 3, not positive, or exactly 0"),
        ({"share": [0.5, 1.5, 0.5]}, "share is 1.5 in row 2, not above 0 and below 1"),
        (
            {"day": ["2013-01-01", "2013-02-30", "soon"]},
            "day is '2013-02-30' in row 2, one of 2 such cells",
        ),
    ],
)
def test_cells_that_cannot_be_have_density_zero(schema, change, words):
    table = {name: list(cells[:3]) for name, cells in TABLE.items()} | change
    cells = schema.encode(table)
    assert any(note.startswith(words) for note in cells.notes), cells.notes
    (name,) = change
    row = cells.impossible[0].row
    parts = schema.parts[schema.places[name]]
    numbers = cells.values[row, schema.places[name]]
    assert np.isfinite(numbers).all()
    assert not all(part.holds(numbers[j : j + 1])[0] for j, part in enumerate(parts))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fare": ["1", "2", "cheap"]}, "`fare` must be a column of numbers; got `cheap` in row 3"),
        ({"fare": [1.0, np.inf, 2.0]}, "got `inf` in row 2"),
        ({"day": [1.5, 2.5, 3.5]}, "`day` must be a column of type date32[day]; got `type double`"),
        ({"day": [[1], [2], [3]]}, "`day` must be"),
    ],
)
def test_columns_of_another_type(schema, change, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        schema.encode({name: list(cells[:3]) for name, cells in TABLE.items()} | change)
    assert words in str(error.value)


def test_columns_that_are_gone(schema):
    renamed = {"Fare" if name == "fare" else name: cells for name, cells in TABLE.items()}
    with pytest.raises(ValueError, match=r"got 'fare'. Did you mean (share or )?Fare"):
        schema.encode(renamed)
    cells = schema.encode(renamed, absent=["fare"])
    assert np.isnan(cells.values[:, schema.places["fare"]]).all()


def test_unseen_levels_may_be_pooled():
    schema = Schema.infer(TABLE, kinds={"carrier": {"kind": "categorical", "unseen": "pooled"}})
    cells = schema.encode(_with(carrier=["ZZ"] * N))
    assert cells.notes == ()
    assert (cells.values[:, schema.places["carrier"]] == 3).all()


def test_rows_without_a_cell_are_counted(schema):
    table = {name: pa.array([*list(cells[:2]), None]) for name, cells in TABLE.items()}
    (note,) = schema.encode(table).notes
    assert note == "All cells are missing in row 3: the log-density is 0."
    empty = {name: pa.nulls(2) for name in TABLE}
    assert np.isnan(schema.encode(empty).values).all()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"id": range(9), "one": ["x"] * 9}, "id: identifier: it counts the rows from 0; one: constant"),
        ({"a": []}, "a table with rows"),
        ({"a": [1, "x"]}, "a column has one type; got `a`"),
        ({"a": [1, 2], "b": [1]}, "columns of one length"),
        (np.zeros((3, 2)), "a table with named columns; got `ndarray`"),
    ],
)
def test_tables_without_a_density(table, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Schema.infer(table)
    assert words in str(error.value)


def test_columns_of_conditions_must_say_something():
    with pytest.raises(ValueError, match="`given` must be columns that say something; got `one`: constant"):
        Schema.infer(_with(one=["x"] * N), given=["one"])
    with pytest.raises(ValueError, match="none negative or missing; got `fare`: -1 the lowest"):
        Schema.infer(_with(fare=np.full(N, -1.0)), weight="fare")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[kinds", "is not a readable toml file"),
        ("[kind]\na = 1", "the tables [kinds] and [units]; got ['kind']"),
        ("[kinds]\na = 1", "the name of a kind, or {kind = NAME, ...}, for a; got 1"),
        ("[units]\na = 1", "a file with units as text"),
    ],
)
def test_settings_that_cannot_be_read(tmp_path, text, words):
    (tmp_path / "t.toml").write_text(text)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        settings_beside(tmp_path / "t.csv.gz")
    assert words in str(error.value)


def test_kinds_of_the_command_line_have_a_form():
    for text in ("fare", "=positive", "fare={kind=}", "fare=nothing"):
        with pytest.raises(ValueError, match=r"`kinds?` must be"):
            parse_kinds([text])


def test_a_table_of_text_only():
    schema = Schema.infer({"a": ["x", "y", "z"] * 9, "b": ["u", "v"] * 13 + ["u"]})
    assert [column.kind.name for column in schema.columns] == ["categorical", "categorical"]


def test_a_schema_of_continuous_columns_is_saved_as_before():
    schema = Schema.of(["a"], ["b"], units={"a": "m"})
    assert schema.to_json() == {"columns": ["a"], "given": ["b"], "weights": None, "units": {"a": "m"}}
    assert schema.columns[0] == Column("a", kind=kinds.Continuous(), unit="m")
    frame = read_frame({"a": [1.5, None], "b": [2, 3]})
    np.testing.assert_array_equal(schema.encode(frame).values, [[1.5, 2], [np.nan, 3]])
