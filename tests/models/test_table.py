"""A model of a table as it is: kinds, densities that add up, and every question asked of one model."""

import datetime as dt

import jax
import numpy as np
import pandas as pd
import polars as pl
import pytest

import pushforward as pf

KEY = jax.random.key(0)


def _table(rows: int = 1200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    city = rng.choice(["Rome", "Oslo", "Lima"], rows, p=[0.5, 0.3, 0.2])
    warmth = np.where(city == "Oslo", 2.0, 18.0) + rng.normal(size=rows)
    rain = np.where(rng.uniform(size=rows) < 0.6, 0.0, rng.exponential(2.0, rows) + 0.01)
    start = dt.date(2020, 1, 1)
    table = pd.DataFrame(
        {
            "row": np.arange(rows),
            "city": pd.Categorical(city),
            "warmth": warmth,
            "rain": rain,
            "visits": rng.poisson(3, rows),
            "open": rng.uniform(size=rows) < 0.7,
            "day": [start + dt.timedelta(days=int(d)) for d in rng.integers(0, 400, rows)],
        }
    )
    table.loc[::9, "warmth"] = np.nan
    table.loc[::11, "city"] = None
    return table


@pytest.fixture(scope="module")
def table():
    return _table()


@pytest.fixture(scope="module")
def model(table):
    built = pf.TableModel.build(table, width=16, depth=1)
    return built.fit(table, max_epochs=60, batch_size=50, learning_rate=1e-2, members=2, progress=False, source="t")


def test_kinds_are_found_and_said(model):
    kinds = {column.name: column.kind.name for column in model.schema.columns}
    assert kinds == {
        "city": "categorical",
        "warmth": "continuous",
        "rain": "positive",
        "visits": "integer",
        "open": "boolean",
        "day": "date",
    }
    assert "row" in model.headline()
    assert "left out" in model.headline()
    assert model.coding.marked == ("city", "warmth")


def test_it_learns_what_columns_tell(model, table):
    evaluation = model.evaluate(model.schema.read(table))
    assert "held out" in evaluation.judged
    assert evaluation.scores["flow"].mean > evaluation.scores["independent"].mean + 0.2
    found = model.predict("city", {"warmth": [2.0, 18.0]})
    at = found.levels.index("Oslo")
    assert found.probabilities()[0, at] > 0.8 > 0.2 > found.probabilities()[1, at]
    np.testing.assert_allclose(found.probabilities().sum(axis=1), 1, rtol=1e-5)
    assert found.mode()[0] == "Oslo"


def test_parts_add_up_to_the_density(model, table):
    log_prob = model.log_prob(table)
    assert np.isfinite(log_prob).all()
    parts = model.contributions(table)
    assert isinstance(parts, pd.DataFrame)
    np.testing.assert_allclose(parts.to_numpy().sum(axis=1), log_prob, rtol=1e-4, atol=1e-4)
    shuffled = table[list(reversed(table.columns))]
    np.testing.assert_allclose(model.log_prob(shuffled), log_prob, rtol=1e-5)


def test_conditionals_agree_with_the_joint(model, table):
    """p(first columns) p(rest | first columns) is p(all), by the order of the model."""
    names = []
    for part in model.flow.order:
        names += [n for n, at in model.coding.places.items() if part in at and n not in names]
    complete = table.dropna().head(20)
    first = [name for name in names[:2] if name != "day"] or names[1:2]
    if names[0] == "day" or names[1] == "day":
        first = [name for name in names if name != "day"][:0] or names[:1]
    marginal = model.marginal(first, complete)
    rest = model.log_prob(complete, given=complete[first])
    np.testing.assert_allclose(marginal + rest, model.log_prob(complete), rtol=1e-3, atol=1e-3)


def test_probabilities_of_a_discrete_table_add_up_to_one():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.choice(["x", "y", "z"], 200), "b": rng.uniform(size=200) < 0.3})
    model = pf.TableModel.build(table, width=8, depth=1).fit(table, max_epochs=2, progress=False)
    cells = pd.DataFrame([(a, b) for a in "xyz" for b in (False, True)], columns=["a", "b"])
    joint = np.exp(model.log_prob(cells))
    assert joint.sum() == pytest.approx(1, rel=1e-4)
    by_hand = joint[cells.a == "x"] / joint[cells.a == "x"].sum()
    given = np.exp(model.log_prob(cells[cells.a == "x"], given={"a": "x"}))
    if model.coding.places["a"][0] == model.flow.order[0]:
        np.testing.assert_allclose(given, by_hand, rtol=1e-3)
    assert given.sum() == pytest.approx(1, rel=1e-4)
    assert np.exp(model.log_prob(cells, given={"a": ["x", "y"]}))[cells.a != "z"].sum() == pytest.approx(1, abs=1e-3)
    assert np.isneginf(model.log_prob(cells, given={"a": ["x", "y"]})[cells.a == "z"]).all()
    with pytest.warns(UserWarning, match="the density is zero"):
        assert np.isneginf(model.log_prob(pd.DataFrame({"a": ["new"], "b": [True]}))).all()


def test_cells_that_only_some_rows_have_leave_the_others_alone():
    """What is observed where there was damage only says how that is, not how often damage is."""
    rng = np.random.default_rng(0)
    where = rng.choice(["a", "b", "c", "d"], 3000, p=[0.4, 0.3, 0.2, 0.1])
    damage = np.where(rng.uniform(size=3000) < 0.97, "slight", "severe").astype(object)
    damage[(where != "d") | (rng.uniform(size=3000) < 0.2)] = None
    table = pd.DataFrame({"damage": damage, "where": where})
    model = pf.TableModel.build(table, width=16, depth=1).fit(table, max_epochs=60, progress=False, learning_rate=1e-2)
    for missing in (False, True):
        drawn = model.sample(KEY, 3000, missing=missing, like=table)
        assert (drawn["where"] == "d").mean() == pytest.approx(0.1, abs=0.03)
    holes = drawn.damage.isna()
    assert holes.mean() == pytest.approx(table.damage.isna().mean(), abs=0.03)
    assert not (drawn["where"][~holes] != "d").mean() > 0.1


def test_levels_with_an_order_may_be_within_a_range():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"grade": rng.choice(["low", "mid", "high"], 200), "x": rng.normal(size=200)})
    table["grade"] = pd.Categorical(table.grade, categories=["low", "mid", "high"], ordered=True)
    model = pf.TableModel.build(table, width=8, depth=1).fit(table, max_epochs=1, progress=False)
    drawn = model.sample(KEY, 100, given={"grade": ("mid", None)}, like=table)
    assert set(drawn.grade) == {"mid", "high"}
    with pytest.raises(ValueError, match="for grade; got 'midd'"):
        model.sample(KEY, 1, given={"grade": ("midd", None)})


def test_dates_may_be_within_a_range():
    rng = np.random.default_rng(0)
    days = np.datetime64("2021-03-01") + rng.integers(0, 28, 400)
    table = pd.DataFrame({"day": days.astype("datetime64[s]"), "late": rng.uniform(size=400) < 0.3})
    model = pf.TableModel.build(table, width=8, depth=1).fit(table, max_epochs=3, progress=False)
    everything = pd.DataFrame(
        [(day, late) for day in np.datetime64("2021-03-01") + np.arange(28) for late in (False, True)],
        columns=["day", "late"],
    ).astype(table.dtypes.to_dict())
    whole = np.exp(model.log_prob(everything))
    for low, high in ((3, 17), (None, 5), (6, 6), (15, None)):
        ends = tuple(None if end is None else str(np.datetime64("2021-03-01") + end) for end in (low, high))
        first, last = 0 if low is None else low, 27 if high is None else high
        inside = np.repeat((np.arange(28) >= first) & (np.arange(28) <= last), 2)
        with pytest.warns(UserWarning, match="effective"):
            given = model.log_prob(everything, given={"day": ends})
        assert np.isneginf(given[~inside]).all()
        assert np.exp(given).sum() == pytest.approx(1, abs=0.03)
        # Days are first in the order of this model, or their probability given `late` is learned about as well.
        np.testing.assert_allclose(np.exp(given[inside]), whole[inside] / whole[inside].sum(), rtol=0.1, atol=5e-3)
        with pytest.warns(UserWarning, match="importance"):
            drawn = model.sample(KEY, 300, given={"day": ends}, like=table)
        number = (drawn.day - pd.Timestamp("2021-03-01")).dt.days
        assert number.min() >= first
        assert number.max() <= last
    with pytest.warns(UserWarning, match="importance"):
        drawn = model.sample(KEY, 100, given={"day": ["2021-03-02", "2021-03-09", "2021-03-04"]}, like=table)
    assert set(drawn.day.dt.day) == {2, 4, 9}
    with pytest.raises(ValueError, match="a range of day with low <= high"):
        model.sample(KEY, 1, given={"day": ("2021-03-09", "2021-03-02")})


def test_draws_have_the_types_of_the_table(model, table):
    drawn = model.sample(KEY, 200, like=table)
    assert isinstance(drawn, pd.DataFrame)
    assert list(drawn.columns) == ["city", "warmth", "rain", "visits", "open", "day"]
    assert drawn.dtypes.to_dict() == table[drawn.columns].dtypes.to_dict()
    assert not drawn.isna().any().any()
    assert (drawn.rain >= 0).all()
    assert 0.4 < (drawn.rain == 0).mean() < 0.8
    assert isinstance(model.sample(KEY, 3, like=pl.DataFrame({"a": [1]})), pl.DataFrame)
    holes = model.sample(KEY, 500, missing=True, like=table).isna().mean()
    assert 0.03 < holes["warmth"] < 0.25
    assert holes["rain"] == 0


def test_draws_meet_their_conditions(model, table):
    drawn = model.sample(KEY, 300, given={"city": "Oslo"}, like=table)
    assert set(drawn.city) == {"Oslo"}
    assert drawn.warmth.mean() < 10
    drawn = model.sample(KEY, 300, given={"city": ["Oslo", "Lima"]}, like=table)
    assert set(drawn.city) == {"Oslo", "Lima"}
    drawn = model.sample(KEY, 300, given={"visits": (3, 5)}, like=table)
    assert set(drawn.visits) <= {3, 4, 5}
    drawn = model.sample(KEY, 300, given={"rain": (0.5, None)}, like=table)
    assert (drawn.rain >= 0.5).all()
    with pytest.warns(UserWarning, match="importance weights"):
        drawn = model.sample(KEY, 200, given={"visits": (3, 5), "warmth": (None, 5.0)}, like=table)
    assert (drawn.warmth <= 5).all()
    assert set(drawn.visits) <= {3, 4, 5}
    assert (drawn.city == "Oslo").mean() > 0.8
    some = table.head(5)[["warmth", "city"]]
    assert len(model.sample(KEY, 4, given=some)) == 20
    with pytest.raises(ValueError, match="`given` must be a column of the model"):
        model.sample(KEY, 1, given={"town": "Oslo"})
    with pytest.raises(ValueError, match="for city; got 'Bonn'"):
        model.sample(KEY, 1, given={"city": "Bonn"})
    with pytest.raises(ValueError, match="for visits; got -1"):
        model.sample(KEY, 1, given={"visits": -1})
    with pytest.raises(ValueError, match="single values have no probability"):
        model.sample(KEY, 1, given={"warmth": [3.0, 4.0]})


def test_imputed_tables_keep_what_was_observed(model, table):
    filled = model.impute(KEY, table, m=2)
    for one in (*filled, model.impute(KEY, table, most_likely=True)):
        assert not one[["city", "warmth"]].isna().any().any()
        known = table.warmth.notna()
        pd.testing.assert_frame_equal(one[known & table.city.notna()], table[known & table.city.notna()])
    gone = table.warmth.isna()
    assert (filled[0].warmth[gone] != filled[1].warmth[gone]).any()


def test_predictions_are_exact(model, table):
    rows = table.head(50)
    found = model.predict("warmth", rows)
    levels = np.array([0.05, 0.5, 0.95])
    quantiles = found.quantile(levels)
    assert (np.diff(quantiles, axis=1) > 0).all()
    for j, level in enumerate(levels):
        np.testing.assert_allclose(found.cdf(quantiles[:, j]), level, atol=2e-3)
    np.testing.assert_array_equal(found.interval(0.9), quantiles[:, [0, 2]])
    draws = found.sample(400)
    assert (np.abs(draws.mean(axis=1) - found.mean()) < 6 * draws.std(axis=1) / 20 + 0.05).all()
    without = rows.drop(columns="warmth")
    np.testing.assert_allclose(model.predict("warmth", without).median(), found.median(), rtol=1e-5)
    with pytest.raises(ValueError, match="`target` must be a column of numbers; got 'city'"):
        model.predict("city", rows).mean()


def test_anomalies_are_found(model, table):
    wrong = table.head(60).copy()
    wrong.loc[3, "warmth"] = 60.0
    found = model.anomaly(wrong)
    assert found.p_value.idxmin() == 3
    assert "warmth" in found.blame[3]
    assert ((found.p_value > 0) & (found.p_value <= 1)).all()


def test_tables_are_compared(model):
    assert model.compare(KEY, _table(300, 1), _table(200, 2)).p_value > 0.001
    moved = _table(300, 2)
    moved["visits"] += 2
    found = model.compare(KEY, _table(300, 1), moved)
    assert found.p_value < 0.01
    assert found.moved[0] == "visits"
    assert "visits" in str(found)


def test_relations(model):
    found = model.mutual_information(KEY, 500)
    at = {name: i for i, name in enumerate(found.names)}
    assert found.alone[at["city"], at["warmth"]] > 0.2 > found.alone[at["visits"], at["rain"]]
    assert "city - warmth" in str(found) or "warmth - city" in str(found)


def test_a_model_is_saved(model, table, tmp_path):
    model.save(tmp_path / "t.pf")
    again = pf.models.load(tmp_path / "t.pf")
    assert isinstance(again, pf.TableModel)
    np.testing.assert_array_equal(again.log_prob(table), model.log_prob(table))
    assert again.describe() == model.describe()
    assert again.reference == model.reference


def test_columns_that_are_only_conditions(table):
    model = pf.TableModel.build(table, given=["city", "day"], width=8, depth=1)
    model = model.fit(table, max_epochs=1, progress=False)
    assert np.isfinite(model.log_prob(table)).all()
    drawn = model.sample(KEY, 3, given={"city": "Rome", "day": dt.date(2020, 5, 1)})
    assert drawn.num_rows == 3
    with pytest.raises(ValueError, match="on which the model is conditional"):
        model.sample(KEY, 1)


def test_weights_count(table):
    table = table.assign(w=np.where(table.open, 1.0, 0.0))
    model = pf.TableModel.build(table, weights="w", width=8, depth=1)
    model = model.fit(table, max_epochs=3, batch_size=50, progress=False, test_fraction=0)
    drawn = model.sample(KEY, 300, like=table)
    assert drawn.open.mean() > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="rain"), "`table` must be a table with the column rain"),
        (lambda t: t.rename(columns={"visits": "visit"}), "with the column visits"),
        (lambda t: t.assign(rain="wet"), "rain"),
    ],
)
def test_tables_of_another_form_are_refused(model, table, change, message):
    with pytest.raises(ValueError, match=message):
        model.log_prob(change(table))


def test_tables_without_a_density_are_refused():
    with pytest.raises(ValueError, match="a column that has a density"):
        pf.TableModel.build({"id": list(range(50)), "same": ["x"] * 50})
