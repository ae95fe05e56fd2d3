"""`FlowRegressor` gives distributions that agree with each other, for tables as they are."""

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_regressor
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pushforward.models import TableModel
from pushforward.sklearn import FlowRegressor

ROWS = 120


def small(**settings: Any) -> FlowRegressor:
    return FlowRegressor(**{"members": 1, "width": 8, "depth": 1, "max_epochs": 2, "random_state": 0, **settings})


@pytest.fixture(scope="module")
def X() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=ROWS),
            "town": rng.choice(["north", "south", "west"], ROWS),
            "day": pd.date_range("2020-01-01", periods=ROWS),
        }
    )
    X.loc[::7, "size"] = np.nan
    X.loc[::9, "town"] = None
    return X


@pytest.fixture(scope="module")
def y(X: pd.DataFrame) -> pd.Series:
    noise = np.random.default_rng(1).normal(size=ROWS)
    return pd.Series(np.nan_to_num(X["size"]) + 2 * (X["town"] == "west") + noise, name="price")


@pytest.fixture(scope="module")
def fitted(X: pd.DataFrame, y: pd.Series) -> FlowRegressor:
    return small(conformalize=True).fit(X, y)


@pytest.fixture(scope="module")
def Y(y: pd.Series) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame({"price": y, "visits": rng.poisson(3, ROWS), "kind": rng.choice(["a", "b"], ROWS)})


@pytest.fixture(scope="module")
def several(X: pd.DataFrame, Y: pd.DataFrame) -> FlowRegressor:
    return small().fit(X, Y)


def test_the_distribution_of_a_number_is_one(X: pd.DataFrame, y: pd.Series, fitted: FlowRegressor) -> None:
    dist: Any = fitted.predict_dist(X)
    assert len(dist) == ROWS
    levels = np.array([0.05, 0.5, 0.95])
    quantiles = dist.ppf(levels[:, None])
    assert (np.diff(quantiles, axis=0) > 0).all()
    np.testing.assert_allclose(dist.cdf(quantiles), np.repeat(levels[:, None], ROWS, axis=1), atol=1e-5)
    np.testing.assert_array_equal(fitted.predict_quantiles(X, levels), quantiles.T)
    np.testing.assert_array_equal(fitted.predict(X, statistic="median"), dist.median())
    # The density is the slope of the distribution function, and integrates to it.
    at, step = dist.ppf(0.4), 1e-3
    slope = (dist.cdf(at + step) - dist.cdf(at - step)) / (2 * step)
    np.testing.assert_allclose(dist.pdf(at), slope, rtol=1e-3)
    np.testing.assert_array_equal(dist.pmf(y), 0)
    np.testing.assert_array_equal((dist.cdf(-1e12), dist.cdf(1e12)), (np.zeros(ROWS), np.ones(ROWS)))
    np.testing.assert_array_equal(fitted.log_prob(X, y), dist.logpdf(y))
    assert fitted.score(X, y) == pytest.approx(dist.logpdf(y).mean())
    assert fitted.score(X, y, np.arange(ROWS)) == pytest.approx(np.average(dist.logpdf(y), weights=range(ROWS)))
    # No place is denser than the mode, but for the grid on which it is sought.
    assert (dist.pdf(dist.mode()) > 0.98 * dist.pdf(quantiles).max(axis=0)).all()
    draws = dist.rvs(100, random_state=1)
    assert draws.shape == (100, ROWS)
    assert dist.rvs(random_state=1).shape == (ROWS,)
    error = draws.std(axis=0) / np.sqrt(100)
    assert (np.abs(draws.mean(axis=0) - dist.mean()) < 5 * error).all()
    np.testing.assert_allclose(draws.std(axis=0), dist.std(), rtol=0.5)
    np.testing.assert_array_equal(dist.pit(y), dist.cdf(y))


def test_scores(X: pd.DataFrame, y: pd.Series, fitted: FlowRegressor) -> None:
    pytest.importorskip("scoringrules")
    draws = fitted.predict_dist(X).rvs(200, random_state=0)
    truth = y.to_numpy()
    half = np.abs(draws[:100] - draws[100:]).mean()
    assert fitted.crps(X, y) == pytest.approx(np.abs(draws - truth).mean() - half / 2, rel=0.05)
    assert fitted.pinball(X, y, 0.5) == pytest.approx(np.abs(truth - fitted.predict(X, "median")).mean() / 2)


def test_conformal_intervals(X: pd.DataFrame, fitted: FlowRegressor) -> None:
    narrow, wide = fitted.predict_interval(X, 0.5), fitted.predict_interval(X, 0.9)
    assert (wide[:, 0] <= narrow[:, 0]).all()
    assert (narrow[:, 0] < narrow[:, 1]).all()
    assert (narrow[:, 1] <= wide[:, 1]).all()
    with pytest.raises(ValueError, match=r"`coverage` must be at most 0.96, for 24 held-out rows; got 0.99"):
        fitted.predict_interval(X, 0.99)


def test_conformal_levels_cover_whatever_the_model() -> None:
    from scipy.stats import norm, poisson

    from pushforward.sklearn._conformal import ConformalLevels

    rng = np.random.default_rng(0)
    for truth, model in ((norm(), norm(0.5, 0.5)), (poisson(4), poisson(3))):
        covered = []
        for _ in range(200):
            y = truth.rvs(100, random_state=rng)
            below = model.cdf(np.nextafter(y, -np.inf))
            low, high = ConformalLevels.of(below, model.cdf(y)).levels(0.8)
            new = truth.rvs(500, random_state=rng)
            covered.append(((model.ppf(low) <= new) & (new <= model.ppf(high))).mean())
        assert np.mean(covered) > 0.8 - 0.01


def test_several_targets(X: pd.DataFrame, Y: pd.DataFrame, several: FlowRegressor) -> None:
    joint: Any = several.predict_dist(X)
    price, visits, kind = joint.marginals.values()
    # Counts and categories have probabilities, which add up.
    counts = np.arange(60)
    np.testing.assert_allclose(visits.pmf(counts[:, None]).sum(axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(visits.sf(2.5), 1 - visits.cdf(2.5))
    np.testing.assert_allclose(np.exp(visits.logpmf(counts[:, None])), visits.pmf(counts[:, None]))
    np.testing.assert_allclose(visits.cdf(2.5), visits.pmf(np.arange(3)[:, None]).sum(axis=0), atol=1e-4)
    np.testing.assert_allclose(kind.pmf("a") + kind.pmf("b"), 1, atol=1e-5)
    assert set(kind.mode()) <= {"a", "b"}
    assert set(np.unique(kind.rvs(3, 0))) <= {"a", "b"}
    with pytest.raises(ValueError, match="`y` must be a target of numbers; got 'kind'"):
        kind.mean()
    assert (visits.pit(Y["visits"], 0) <= visits.cdf(Y["visits"])).all()
    # The density of an order of the targets is near the product of the marginals where they are independent.
    alone = price.logpdf(Y["price"]) + visits.logpdf(Y["visits"]) + kind.logpdf(Y["kind"])
    assert abs((joint.logpdf(Y) - alone).mean()) < 0.5
    assert several.score(X, Y) == pytest.approx(joint.logpdf(Y).mean())
    assert joint.rvs(2, 0).shape == (2, ROWS, 3)
    assert several.predict(X).shape == (ROWS, 3)
    with pytest.raises(ValueError, match="`Y` must be of 3 columns, price, visits, kind"):
        joint.logpdf(Y[["price"]])


def test_set_output(X: pd.DataFrame, Y: pd.DataFrame, several: FlowRegressor) -> None:
    numbers: Any = copy.deepcopy(several).set_output(transform="pandas")
    table = numbers.predict(X[5:9])
    assert table.columns.tolist() == ["price", "visits", "kind"]
    assert table.index.tolist() == [5, 6, 7, 8]
    assert table["price"].dtype == float
    assert isinstance(copy.deepcopy(several).set_output(transform="polars").predict(X), pl.DataFrame)
    again: Any = clone(numbers)
    assert again._sklearn_output_config == {"transform": "pandas"}


def test_pickle_and_clone(X: pd.DataFrame, fitted: FlowRegressor) -> None:
    assert b"jaxlib" not in pickle.dumps(fitted), "arrays of JAX are kept as the bytes of a file"
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(copied.predict_interval(X), fitted.predict_interval(X))
    again: Any = clone(fitted)
    with pytest.raises(NotFittedError):
        again.predict(X)
    assert is_regressor(fitted)
    assert fitted.feature_names_in_.tolist() == ["size", "town", "day"]  # pyright: ignore[reportAttributeAccessIssue]


def test_cells_that_say_nothing(X: pd.DataFrame, fitted: FlowRegressor) -> None:
    missing, unseen = X[:3].copy(), X[:3].copy()
    missing.loc[1, "town"], unseen.loc[1, "town"] = None, "east"
    with pytest.warns(UserWarning, match="town is 'east' in row 2, not one of north, south, west: it is taken as miss"):
        found = fitted.predict(unseen)
    np.testing.assert_array_equal(found, fitted.predict(missing))
    far = X[:3].copy()
    far["size"] = [1e9, -1e9, 0.123456]
    assert np.isfinite(fitted.predict(far)).all()
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(X[["town", "size", "day"]])


@pytest.mark.filterwarnings("ignore:.* rows are copies:UserWarning")
def test_search_pipeline_and_libraries(X: pd.DataFrame, y: pd.Series) -> None:
    columns = make_column_transformer((StandardScaler(), ["size"]), remainder="passthrough")
    columns.set_output(transform="pandas")
    search = GridSearchCV(make_pipeline(columns, small(max_epochs=1)), {"flowregressor__depth": np.array([1])}, cv=2)
    assert np.isfinite(search.fit(X, y).best_score_)
    frame = pl.from_pandas(X)
    assert np.isfinite(search.best_estimator_[-1].fit(frame, y.to_list()).predict(frame)).all()


def test_constant_features_are_left_out_with_a_warning(X: pd.DataFrame, y: pd.Series) -> None:
    with pytest.warns(UserWarning, match="2 features left out. one: constant: .*; again: repeats town cell by cell"):
        found = small(max_epochs=1).fit(X[["town"]].assign(one=1.0, again=X["town"]), y)
    assert set(found.left_out_) == {"one", "again"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: np.where(np.arange(ROWS) == 3, np.nan, y), "Input y contains NaN"),
        (lambda y: y.where(y.index != 3), "`y` must be without missing cells, of which price has 1"),
        (lambda y: 0 * y, "`y` must be of different values in price; got `0.0 in each row`. A constant needs no model"),
        (lambda y: np.where(y > 0, "a", "b"), "`y` must be numbers; got `'[ab]'`. For the probabilities of categories"),
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: None, "requires y to be passed"),
    ],
)
def test_targets_that_cannot_be(X: pd.DataFrame, y: pd.Series, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(X, change(y))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kinds": {"prize": "positive"}}, r"`kinds` must be of the columns size, town, day, price; got \['prize'\]"),
        ({"kinds": {"price": "positive"}}, "`kinds` must be positive for columns in which each cell is"),
        ({"members": 0}, "`members` must be a positive integer; got 0"),
        ({"val_fraction": 1.0}, "`val_fraction` must be"),
    ],
)
def test_settings(X: pd.DataFrame, y: pd.Series, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**settings).fit(X, y)


def test_settings_are_those_of_the_model() -> None:
    theirs = {**inspect.signature(TableModel.build).parameters, **inspect.signature(TableModel.fit).parameters}
    ours = FlowRegressor().get_params()
    assert all(ours[name] is theirs[name].default for name in ours if name in theirs)
