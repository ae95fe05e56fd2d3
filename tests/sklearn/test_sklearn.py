"""`FlowDensity` behaves as scikit-learn, pandas and polars expect."""

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency, parametrize_with_checks

from pushforward.io import FileFormatError
from pushforward.sklearn.density import FlowDensity
from pushforward.train import fit


def small(**settings: Any) -> FlowDensity:
    given = {"layers": 1, "hidden": (4,), "max_epochs": 2, "random_state": 0, **settings}
    return FlowDensity("real_nvp", **given)


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    return np.random.default_rng(0).normal([10.0, -3.0], [2.0, 0.1], (60, 2))


@pytest.fixture(scope="module")
def fitted(X: np.ndarray) -> FlowDensity:
    return small().fit(X)


# Some checks repeat a row of a tiny table instead of weighting it: then a fit rightly says so.
@pytest.mark.filterwarnings("ignore:.* rows are copies of other rows:UserWarning")
@parametrize_with_checks([small()])
def test_scikit_learn_checks(estimator: FlowDensity, check: Callable[[FlowDensity], None]) -> None:
    check(estimator)


def test_masked_cells_are_missing():
    x = np.ma.masked_greater(np.random.default_rng(0).normal(size=(50, 2)), 1.0)
    with pytest.raises(ValueError, match=r"`X` must be finite; got `\d+ masked cells`"):
        FlowDensity(max_epochs=1).fit(x)


def test_column_names_are_documented_and_checked() -> None:
    check_dataframe_column_names_consistency("FlowDensity", small())


def test_defaults_are_those_of_fit_and_of_the_architectures() -> None:
    ours = FlowDensity().get_params()
    theirs = {name: p.default for name, p in inspect.signature(fit).parameters.items()}
    assert {k: v for k, v in ours.items() if k in theirs and k not in ("flow", "progress")} == {
        k: theirs[k] for k in ("learning_rate", "batch_size", "max_epochs", "patience", "val_fraction")
    }
    assert ours["layers"] is ours["hidden"] is None


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames(frame: Callable[[Any], Any], X: np.ndarray, fitted: FlowDensity) -> None:
    table = frame({"temperature": X[:, 0], "wind": X[:, 1]})
    estimator: Any = small().fit(table)
    assert estimator.feature_names_in_.tolist() == ["temperature", "wind"]
    assert np.array_equal(estimator.score_samples(table), fitted.score_samples(X))
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.score_samples(table[["wind", "temperature"]])
    with pytest.raises(ValueError, match="feature names"):
        estimator.score_samples(table.rename({"wind": "rain"}, **({"axis": 1} if frame is pd.DataFrame else {})))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_tables_with_text_and_missing_cells_are_modelled_as_they_are(frame: Callable[[Any], Any]) -> None:
    rng = np.random.default_rng(0)
    columns = {"size": rng.normal(size=60).tolist(), "town": rng.choice(["a", "b"], 60).tolist()}
    columns["size"][3] = None
    table = frame(columns)
    estimator: Any = FlowDensity(max_epochs=1, random_state=0).fit(table)
    assert estimator.feature_names_in_.tolist() == ["size", "town"]
    draws = estimator.sample(200, random_state=1)
    assert type(draws) is type(table)
    assert list(draws.columns) == ["size", "town"]
    assert draws["town"].dtype == table["town"].dtype
    assert set(draws["town"]) == {"a", "b"}
    scores = estimator.score_samples(table)
    assert scores.shape == (60,)
    assert estimator.score(table) == pytest.approx(scores.mean())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(estimator)).score_samples(table), scores)
    assert set(estimator.history_) == {"train", "val"}
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.score_samples(table[["town", "size"]])
    with pytest.raises(ValueError, match="`layers` must be None for a table with text"):
        FlowDensity(layers=2).fit(table)


def test_kinds_of_an_array(X: np.ndarray) -> None:
    counts = np.round(X * [1.0, 30.0])
    estimator: Any = FlowDensity(max_epochs=1, random_state=0, kinds={"x1": "integer"}).fit(counts)
    draws = estimator.sample(50, random_state=0)
    assert draws.shape == (50, 2)
    assert (draws[:, 1] == np.round(draws[:, 1])).all()
    # A whole number has a probability.
    assert (estimator.score_samples(counts) < 0).all()


def test_missing_and_text_cells_of_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        small().fit(np.array([[1.0, 2.0], [np.nan, 2.5], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="could not convert string to float"):
        small().fit(np.array([["x", 1.0], ["y", 2.0]], dtype=object))


def test_densities_are_in_the_units_of_the_data(X: np.ndarray, fitted: FlowDensity) -> None:
    assert np.allclose(small().fit(X * 1000).score_samples(X * 1000), fitted.score_samples(X) - 2 * np.log(1000))


def test_score(X: np.ndarray, fitted: FlowDensity) -> None:
    log_prob = fitted.score_samples(X)
    assert log_prob.shape == (60,)
    assert fitted.score(X) == pytest.approx(log_prob.mean())
    assert fitted.score(X, sample_weight=np.arange(60)) == pytest.approx(np.average(log_prob, weights=range(60)))


def test_sample(X: np.ndarray, fitted: FlowDensity) -> None:
    draws = fitted.sample(500, random_state=1)
    assert draws.shape == (500, 2)
    assert np.array_equal(draws, fitted.sample(500, random_state=1))
    assert not np.array_equal(draws, fitted.sample(500, random_state=2))
    assert np.allclose(draws.mean(axis=0), X.mean(axis=0), atol=5 * X.std(axis=0) / np.sqrt(60))
    assert fitted.sample().shape == (1, 2)
    with pytest.raises(ValueError, match="`n_samples` must be a positive integer; got 0"):
        fitted.sample(0)


def test_sample_weight(X: np.ndarray) -> None:
    both = np.concatenate([X, X + 100])
    weights = np.repeat([1.0, 0.0], 60)
    weighted = small(val_fraction=0.0).fit(both, sample_weight=weights)
    # Location and scale are those of the rows that count, so the others are far out.
    assert weighted.score(X) > weighted.score(X + 100) + 100
    for wrong, match in (
        (weights[:5], "of shape"),
        (-weights, "non-negative"),
        (0 * weights, "`sample_weight` must be positive in at least two rows"),
    ):
        with pytest.raises(ValueError, match=match):
            small().fit(both, sample_weight=wrong)


def test_pickle_holds_the_bytes_of_a_file(X: np.ndarray, fitted: FlowDensity) -> None:
    state = fitted.__getstate__()
    assert state["flow_"][8:].startswith(b'{"__metadata__":{"pushforward":')
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert np.array_equal(copied.score_samples(X), fitted.score_samples(X))
        assert copied.get_params() == fitted.get_params()
        assert copied.history_ == fitted.history_
    altered = bytearray(state["flow_"])
    altered[-1] ^= 1
    with pytest.raises(FileFormatError, match="checksum"):
        FlowDensity().__setstate__({**state, "flow_": bytes(altered)})
    with pytest.raises(NotFittedError):
        pickle.loads(pickle.dumps(small())).score_samples(X)


def test_clone_and_parameters(X: np.ndarray, fitted: FlowDensity) -> None:
    copied: Any = clone(fitted)
    copied.set_params(layers=2)
    assert copied.get_params() == {**fitted.get_params(), "layers": 2}
    with pytest.raises(NotFittedError):
        copied.sample()


def test_search_and_pipeline(X: np.ndarray) -> None:
    # A search hands over NumPy integers and lists.
    grid = {"flowdensity__layers": np.arange(1, 3), "flowdensity__hidden": [[4]]}
    search = GridSearchCV(make_pipeline(StandardScaler(), small(max_epochs=1)), grid, cv=2).fit(X)
    assert search.best_params_["flowdensity__layers"] in (1, 2)
    pickle.dumps(search)


def test_history(fitted: FlowDensity) -> None:
    assert set(fitted.history_) == {"train", "val"}
    assert len(fitted.history_["val"]) == 2
    assert -1 <= fitted.best_epoch_ < 2


def test_random_state(X: np.ndarray, fitted: FlowDensity) -> None:
    assert np.array_equal(small().fit(X).score_samples(X), fitted.score_samples(X))
    assert not np.array_equal(small(random_state=1).fit(X).score_samples(X), fitted.score_samples(X))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"flow": "glowing"}, "`flow` must be one of .*nsf.*; got 'glowing'"),
        ({"flow": "temper"}, "`flow` must be one of iaf, maf, nice, nsf, real_nvp, the .* for tables; got 'temper'"),
        ({"flow": "glow"}, "`flow` must be one of .*, the architectures for tables; got 'glow'"),
        ({"flow": 3}, "`flow` must be one of"),
        ({"layers": 0}, "`layers` must be a positive integer; got 0"),
        ({"hidden": ()}, "`hidden` must be"),
        ({"batch_size": -1}, "`batch_size` must be a positive integer"),
        ({"val_fraction": 1.0}, "`val_fraction` must be"),
    ],
)
def test_settings(X: np.ndarray, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().set_params(**settings).fit(X)


def test_default_architecture(X: np.ndarray) -> None:
    default: Any = FlowDensity(layers=1, hidden=(4,), max_epochs=1).fit(X)
    assert np.isfinite(default.score(X))
    assert [flow.bijection.bijections[0].length for flow in default.flow_.components] == [1, 1, 1]
