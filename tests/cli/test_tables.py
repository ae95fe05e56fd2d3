"""The commands on a table as it is: what they print, write and refuse."""

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward.data import read_frame
from pushforward.models import TableModel, load, parse_given

from .conftest import QUICK, RENO, TAG, write_mixed
from .test_cli import error, run

KINDS = {"place": "categorical", "visits": "integer", "day": "date", "open": "boolean"}


def schema_of(path):
    model = load(path)
    assert isinstance(model, TableModel)
    return model.schema


def columns_of(path):
    return read_frame(path).table.to_pydict()


def test_fit_needs_no_option_and_shows_kinds_before_scores(mixed):
    said = (mixed / "fit.txt").read_text()
    lines = said.splitlines()
    for name, kind in KINDS.items():
        assert any(line.split()[:2] == [name, kind] for line in lines)
    assert said.index("because") < said.index("180 to fit, 20 held out") < said.index("held-out rows, in nats per row")
    for density in ("model", "independent columns", "Gaussian copula", "tree of pairs"):
        assert any(line.startswith(f"  {density}") and " ± " in line for line in lines)
    assert "score: " in said, "empty cells are counted on screen"


def test_kinds_that_the_user_sets(mixed, tmp_path):
    options = ["--kind", "visits=continuous", "--columns", "visits,open", "--given", "open", "--test-fraction", "0"]
    run("fit", mixed / "t.csv", "-o", tmp_path / "m.pf", *options, *QUICK)
    schema = schema_of(tmp_path / "m.pf")
    assert (schema.event, schema.given) == (("visits",), ("open",))
    assert schema.columns[0].kind.name == "continuous"
    wrong = error("fit", mixed / "t.csv", "-o", tmp_path / "m.pf", "--kind", "visits=continous")
    assert wrong.startswith("Error: `--kind` must be")
    assert "Did you mean continuous" in wrong


@pytest.mark.parametrize("options", [["--flow", "nsf"], ["--layers", "2"], ["--hidden", "8"], ["--strict"]])
def test_options_of_flows_choose_the_model_of_numbers(mixed, tmp_path, options):
    assert "--exclude" in error("fit", mixed / "t.csv", "-o", tmp_path / "m.pf", *options)
    wrong = error("fit", mixed / "t.csv", "-o", tmp_path / "m.pf", *options, "--kind", "visits=continuous")
    assert "`--kind` must be left out: " in wrong


def test_any_order_is_named(mixed, tmp_path):
    wrong = error("fit", mixed / "t.csv", "-o", tmp_path / "m.pf", "--flow", "any-order", "--layers", "2")
    assert "`--layers` must be left out" in wrong


def test_describe_has_each_column_and_all_of_info(mixed):
    said = run("describe", mixed / "m.pf").stdout
    assert run("info", mixed / "m.pf").stdout in said
    for name, kind in KINDS.items():
        assert any(line.split()[:2] == [name, kind] for line in said.splitlines())
    assert "none" in said


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        (f'place="{RENO}"', lambda row: row["place"] == RENO),
        ("visits=2..5", lambda row: 2 <= row["visits"] <= 5),
        ("visits>4", lambda row: row["visits"] > 4),
        ("visits=<=4, open=no", lambda row: row["visits"] <= 4 and row["open"] is False),
        ("amount=0", lambda row: row["amount"] == 0),
        ("amount=>0", lambda row: row["amount"] > 0),
        ("amount>=0", lambda row: row["amount"] >= 0),
        (f'place=Ely|"{RENO}",score=-50..3.5', lambda row: row["place"] != TAG and row["score"] <= 3.5),
        ("day=2024-02-29", lambda row: str(row["day"]) == "2024-02-29"),
    ],
)
def test_sample_meets_its_conditions(mixed, tmp_path, given, holds):
    run("sample", mixed / "m.pf", "-n", 40, "-o", tmp_path / "s.csv", "--given", given)
    drawn = schema_of(mixed / "m.pf").read(tmp_path / "s.csv").table.to_pylist()
    assert len(drawn) == 40
    assert all(holds(row) for row in drawn)


def test_sample_given_a_table_and_with_empty_cells(mixed, tmp_path):
    (tmp_path / "c.csv").write_text("place,visits\nEly,\n,3\n")
    run("sample", mixed / "m.pf", "-n", 2, "-o", tmp_path / "s.csv", "--given", tmp_path / "c.csv")
    drawn = columns_of(tmp_path / "s.csv")
    assert drawn["place"][:2] == ["Ely", "Ely"]
    assert drawn["visits"][2:] == [3, 3]
    run("sample", mixed / "m.pf", "-n", 400, "-o", tmp_path / "s.csv", "--missing")
    assert 0 < read_frame(tmp_path / "s.csv").missing["score"] < 150


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nowhere=1", "columns of the model"),
        ("visits=x", "for visits; got 'x'"),
        ("place=Oslo", "for place; got 'Oslo'"),
        ("visits=1,visits=2", "one condition on each column"),
        ("visits=", "name=value"),
        ("place>Ely", "have no order"),
        ("day>never", "a date"),
        ("visits=5..2", "low <= high"),
    ],
)
def test_conditions_that_cannot_be(mixed, tmp_path, given, words):
    wrong = error("sample", mixed / "m.pf", "-n", 1, "-o", tmp_path / "s.csv", "--given", given)
    assert wrong.startswith("Error: `--given` must be ")
    assert words in wrong


def test_values_are_spelled_as_in_the_table(mixed):
    found = parse_given(schema_of(mixed / "m.pf"), 'open=yes|no, place="a=b|c..d", score=..-1.5')
    assert found["open"] == [True, False]
    assert found["place"] == "a=b|c..d"
    assert (found["score"].low, found["score"].high) == (None, -1.5)


def test_impute_changes_nothing_but_empty_cells(mixed, tmp_path):
    before = (mixed / "t.csv").read_text().splitlines()
    said = run("impute", mixed / "m.pf", mixed / "t.csv", "-o", tmp_path / "f.csv", "-m", 2).stdout
    count = read_frame(mixed / "t.csv").missing["score"]
    assert f"{count} cells filled in (score {count})" in said
    for name in ("f.1.csv", "f.2.csv"):
        after = (tmp_path / name).read_text().splitlines()
        assert len(after) == len(before)
        assert all(
            new == old or (old.endswith(",") and new.startswith(old)) for new, old in zip(after, before, strict=True)
        )
        assert not read_frame(tmp_path / name).missing
    run("impute", mixed / "m.pf", mixed / "t.csv", "-o", tmp_path / "once.csv", "--most-likely")
    run("impute", mixed / "m.pf", mixed / "t.csv", "-o", tmp_path / "again.csv", "--most-likely", "--seed", 5)
    assert (tmp_path / "once.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_predict(mixed, tmp_path):
    options = ["--quantiles", "0.1,0.9", "--coverage", "0.8"]
    run("predict", mixed / "m.pf", "score", mixed / "t.csv", "-o", tmp_path / "p.csv", *options)
    found = {name: np.asarray(values) for name, values in columns_of(tmp_path / "p.csv").items() if "." in name}
    assert set(found) == {f"score.{name}" for name in ("mean", "median", "q10", "q90", "low", "high")}
    assert (found["score.q10"] <= found["score.median"]).all()
    np.testing.assert_allclose(found["score.high"], found["score.q90"])
    said = run("predict", mixed / "m.pf", "place", mixed / "t.csv", "-o", tmp_path / "p.csv").stdout
    assert "the likeliest is right in" in said
    found = columns_of(tmp_path / "p.csv")
    shares = np.stack([found[f"place.{level}"] for level in (RENO, "Ely", TAG)])
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-4)
    assert set(found["place.mode"]) <= {RENO, "Ely", TAG}
    model, table, out = mixed / "m.pf", mixed / "t.csv", tmp_path / "p.csv"
    assert "`--quantiles` must be left out" in error("predict", model, "place", table, "-o", out, "--quantiles", "0.5")
    assert "`TARGET` must be" in error("predict", model, "nowhere", table, "-o", out)
    assert "`--quantiles` must be levels" in error("predict", model, "score", table, "-o", out, "--quantiles", "x")


def test_anomaly_names_the_row_that_was_spoilt(mixed, tmp_path):
    lines = (mixed / "t.csv").read_text().splitlines()
    cells = lines[7].rsplit(",", 1)
    lines[7] = f"{cells[0]},999.0"
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    said = run("anomaly", mixed / "m.pf", tmp_path / "t.csv", "-o", tmp_path / "a.csv").stdout
    assert "  row 7: " in said.splitlines()[2]
    assert "score = 999.0" in said.splitlines()[2]
    found = columns_of(tmp_path / "a.csv")
    assert all(0 < p <= 1 for p in found["p_value"])
    assert len(found["log_prob"]) == len(found["blame"]) == 200


def test_compare_and_relations(mixed, tmp_path):
    write_mixed(tmp_path / "other.csv", seed=1)
    (tmp_path / "moved.csv").write_text((tmp_path / "other.csv").read_text().replace("Ely", TAG))
    assert "have moved" in run("compare", mixed / "m.pf", mixed / "t.csv", tmp_path / "moved.csv").stdout
    write_mixed(tmp_path / "third.csv", seed=2)
    said = run("compare", mixed / "m.pf", tmp_path / "third.csv", tmp_path / "other.csv").stdout
    assert "show no difference" in said
    said = run("relations", mixed / "m.pf", "-n", 100).stdout
    assert "from 100 draws" in said
    assert "place - visits" in said


def test_plot_of_any_kinds(mixed, tmp_path):
    said = run(
        "plot", mixed / "m.pf", mixed / "t.csv", "-o", tmp_path / "p.png", "--columns", "place,amount,day"
    ).stdout
    assert "200 rows" in said
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert "`DATA` must be given" in error("plot", mixed / "m.pf", "-o", tmp_path / "q.png")


@pytest.mark.parametrize("command", ["impute", "predict", "anomaly", "compare", "relations", "report"])
def test_models_of_another_kind_are_refused(mixed, tmp_path, command):
    flow = pf.flows.nice(jax.random.key(0), 2, layers=1, hidden=(4,))
    pf.save(tmp_path / "m.pf", flow, {"columns": ["a", "b"]})
    table, out = mixed / "t.csv", ["-o", tmp_path / "o.html"]
    arguments = {"predict": ["a", table, *out], "compare": [table, table], "relations": []}
    wrong = error(command, tmp_path / "m.pf", *arguments.get(command, [table, *out]))
    assert "a model of a table of any kinds of columns; got `a model of a table of numbers" in wrong
    assert not (tmp_path / "o.html").exists()
