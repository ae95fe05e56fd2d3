"""A model of a table from Python: names, units, conditions, held-out rows, files."""

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward.data import Table
from pushforward.models import VectorModel


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    c = rng.normal(size=200)
    return Table(("c", "a", "w", "b"), np.column_stack([c, c + rng.normal(size=200), rng.uniform(1, 2, 200), c**2]))


@pytest.fixture(scope="module")
def model(table):
    options = {"given": ["c"], "weights": "w", "layers": 1, "hidden": (4,), "units": {"a": "m/s"}}
    built = VectorModel.build(table, flow="nice", **options)
    return built.fit(table, max_epochs=1, batch_size=200, source="t.csv", test_fraction=0.2, progress=False)


def test_names_and_record(model):
    assert (model.schema.event, model.schema.given, model.schema.weight) == (("a", "b"), ("c",), "w")
    assert model.flow.shape == (2,)
    assert model.record.rows == pf.models.RowCounts(200, 200, 160, 40)
    assert model.architecture.name == "nice"
    lines = dict(model.describe())
    assert lines["columns"] == "a [m/s], b"
    assert "t.csv: 200 rows" in lines["data"]


def test_held_out_rows_are_found_wherever_the_columns_stand(model, table):
    first = model.evaluate(table)
    assert "judged on the rows that the fit held out" in first.judged
    moved = table.select(["w", "b", "a", "c"])
    assert model.evaluate(moved).scores == first.scores
    assert model.with_scores(first.scores).record.held_out == first.scores
    other = Table(table.names, table.values[:100])
    assert "This is not the table of the fit" in model.evaluate(other).judged


def test_log_prob_goes_by_names(model, table):
    expected = model.flow.log_prob(table.values[:, [1, 3]], table.values[:, :1])
    np.testing.assert_array_equal(model.log_prob(table.select(["b", "c", "a"])), expected)
    with pytest.raises(ValueError, match="columns"):
        model.log_prob(table.select(["a", "b"]))


def test_sample_is_a_table(model, table):
    drawn = model.sample(jax.random.key(0), 3, {"c": 1.5})
    assert drawn.names == ("a", "b", "c")
    assert (drawn.columns(["c"]) == 1.5).all()
    assert len(model.sample(jax.random.key(0), 2, table.take(np.arange(5)))) == 10
    with pytest.raises(ValueError, match="`given` must be one value of each of c"):
        model.sample(jax.random.key(0), 1, {"d": 1.0})
    with pytest.raises(ValueError, match=r"--given c=0"):
        model.sample(jax.random.key(0), 1)


def test_files_keep_everything(model, table, tmp_path):
    model.save(tmp_path / "m.pf")
    loaded = pf.models.load(tmp_path / "m.pf")
    assert isinstance(loaded, VectorModel)
    assert (loaded.schema, loaded.record) == (model.schema, model.record)
    np.testing.assert_array_equal(loaded.log_prob(table), model.log_prob(table))


def test_unusual_columns_are_warned_of(table):
    with pytest.warns(UserWarning, match="10 rows are few for 2 columns"):
        VectorModel.build(table.take(np.arange(10)), flow="nice", given=["c"], weights="w", layers=1, hidden=(4,))
    with pytest.raises(ValueError, match="without negative values"):
        VectorModel.build(table, weights="c")
    with pytest.raises(ValueError, match="the architectures for tables; got 'glow'"):
        VectorModel.build(table, flow="glow")


def test_no_model_of_rows_or_images(tmp_path):
    pf.save(tmp_path / "m.pf", pf.distributions.StandardNormal((2,)))
    with pytest.raises(ValueError, match="`model` must be a flow on "):
        pf.models.load(tmp_path / "m.pf")


def test_copies_of_a_row_are_held_out_together():
    values = np.repeat(np.random.default_rng(0).normal(size=(40, 2)), 5, axis=0)
    table = pf.data.Table(("a", "b"), values)
    built = pf.models.VectorModel.build(table, layers=1, hidden=(4,))
    train, test = built.split(table, 0.2, 0)
    assert len(test) == 40
    assert not set(map(tuple, values[train])) & set(map(tuple, values[test]))
    # Rows that do not repeat are held out as ever.
    alone = pf.data.Table(("a", "b"), values[::5])
    order = np.random.default_rng(0).permutation(40)
    np.testing.assert_array_equal(built.split(alone, 0.2, 0)[1], np.sort(order[:8]))


def test_a_data_frame_is_a_table(table):
    import pandas as pd

    frame = pd.DataFrame(table.values, columns=list(table.names))
    built = VectorModel.build(frame, layers=1, hidden=(4,))
    fitted = built.fit(frame, max_epochs=1, batch_size=200, progress=False)
    np.testing.assert_array_equal(fitted.log_prob(frame[["w", "a", "b", "c"]]), fitted.log_prob(table))
    with pytest.raises(ValueError, match=r"`data` must be a table or a data frame; got `ndarray`"):
        VectorModel.build(table.values)
    with pytest.raises(ValueError, match=r"columns of real numbers; got `'x' in row 0` of column `t`"):
        VectorModel.build(frame.assign(t="x"))
