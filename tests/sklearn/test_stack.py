"""The stack of densities that models one number: its parts, and what it predicts."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from pushforward.data import Schema
from pushforward.sklearn import FlowRegressor
from pushforward.sklearn.distributions import PredictedDistribution
from pushforward.sklearn.stack.density import StackedDensity, mixture_weights
from pushforward.sklearn.stack.gaussian_process import GaussianProcess
from pushforward.sklearn.stack.prediction import Logistics, StackPrediction
from pushforward.sklearn.stack.scales import Scale
from pushforward.sklearn.stack.target import Target

ROWS = 150


def small(**settings: Any) -> FlowRegressor:
    return FlowRegressor(**{"members": 2, "width": 8, "depth": 1, "max_epochs": 3, "random_state": 0, **settings})


@pytest.fixture(scope="module")
def table() -> tuple[pd.DataFrame, np.ndarray]:
    """Features of several kinds with missing cells, and a positive target whose noise depends on one of them."""
    rng = np.random.default_rng(0)
    x, level = rng.normal(size=ROWS), rng.choice(["low", "high"], ROWS)
    features = pd.DataFrame({"x": x, "angle": rng.uniform(0, 360, ROWS), "level": level})
    y = np.exp(1 + 0.5 * x + (level == "high") * (0.5 + 0.3 * rng.normal(size=ROWS)))
    features.loc[::7, "x"] = np.nan
    features.loc[3, "level"] = None
    return features, y


@pytest.fixture(scope="module")
def fitted(table: tuple[pd.DataFrame, np.ndarray]) -> FlowRegressor:
    return small(kinds={"angle": {"kind": "periodic", "period": 360.0}}).fit(*table)


def test_one_number_is_modelled_by_a_stack(table: tuple[pd.DataFrame, np.ndarray], fitted: FlowRegressor):
    features, y = table
    assert isinstance(fitted.model_, StackedDensity)
    assert fitted.model_.weights.sum() == pytest.approx(1)
    assert fitted.score(features, y) > np.mean(-np.log(y) - 0.5 * np.log(2 * np.pi * np.e * np.log(y).var()))
    assert not isinstance(small(max_epochs=1).fit(features[["x"]], np.arange(ROWS) % 3 * 1.0).model_, StackedDensity)


def test_new_levels_and_missing_cells_are_predicted(fitted: FlowRegressor):
    new = pd.DataFrame({"x": [np.nan, 1e9], "angle": [np.nan, 10.0], "level": ["unheard of", None]})
    with pytest.warns(UserWarning, match="level is 'unheard of' in row 1"):
        predicted = fitted.predict_dist(new)
    assert np.isfinite(predicted.logpdf([3.0, 3.0])).all()


def test_pickle_and_shape_of_the_target(table: tuple[pd.DataFrame, np.ndarray], fitted: FlowRegressor):
    features, y = table
    copied = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copied.log_prob(features, y), fitted.log_prob(features, y))
    column = small(max_epochs=1).fit(features, y[:, None])
    joint: Any = column.predict_dist(features)
    assert isinstance(column.model_, StackedDensity)
    assert np.array_equal(joint.logpdf(y[:, None]), joint.marginals["y"].logpdf(y))
    assert joint.rvs(3, random_state=0).shape == (3, ROWS, 1)


def test_rows_of_weight_zero_do_not_count(table: tuple[pd.DataFrame, np.ndarray]):
    features, y = table
    keep = np.arange(ROWS) % 3 > 0
    weighted = small(max_epochs=1).fit(
        features[["x"]], np.where(keep, y, 100 * y), sample_weight=np.where(keep, 2.0, 0.0)
    )
    alone = small(max_epochs=1).fit(features[["x"]][keep], y[keep])
    assert weighted.score(features[["x"]][keep], y[keep]) == pytest.approx(alone.score(features[["x"]][keep], y[keep]))


def logistics(scale: Scale, weight: float, rng: np.random.Generator) -> Logistics:
    weights = rng.dirichlet(np.ones(4), 5)
    return Logistics(scale, np.log(weight * weights), rng.normal(size=(5, 4)), rng.normal(-1, 1, size=(5, 4)))


def target(low: float, high: float) -> Target:
    kind: Any = {"kind": "bounded", "low": low, "high": high} if np.isfinite(high) else "positive"
    y = np.random.default_rng(0).uniform(0.1, 3.9, 50)
    schema = Schema.infer(pd.DataFrame({"y": y}), kinds={"y": kind if np.isfinite(low) else "continuous"})
    return Target.of(schema, y, np.ones(50))


@pytest.mark.parametrize(("low", "high"), [(-np.inf, np.inf), (0.0, np.inf), (0.0, 4.0)])
def test_mixtures_are_distributions(low: float, high: float):
    rng = np.random.default_rng(1)
    parts = logistics(Scale(2.0, 1.5), 0.7, rng), logistics(Scale(0.5, 0.6, -1.0), 0.3, rng)
    predicted = PredictedDistribution(StackPrediction(target(low, high), parts))
    q = np.array([1e-6, 0.01, 0.5, 0.99, 1 - 1e-6])[:, None]
    np.testing.assert_allclose(predicted.cdf(predicted.ppf(q)), np.broadcast_to(q, (5, 5)), rtol=1e-7)
    a, b = 0.5, 3.5
    mass = [quad(lambda y, i=i: predicted.pdf(np.full(5, y))[i], a, b, limit=200)[0] for i in range(5)]
    np.testing.assert_allclose(mass, predicted.cdf(b) - predicted.cdf(a), rtol=1e-6)
    draws = predicted.rvs(200, random_state=0)
    assert draws.min() >= low
    assert draws.max() <= high
    if np.isfinite(low):
        assert (predicted.pdf(low - 1) == 0).all()
        assert (predicted.cdf(low) == 0).all()


def visits(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    return rng.negative_binomial(2, 2 / (2 + rate))


def with_zeros(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    return np.where(rng.uniform(size=ROWS) < 0.4, 0.0, rng.gamma(2, rate))


def priced(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    return np.round(rng.gamma(3, rate), 1)


@pytest.mark.parametrize("draw", [visits, with_zeros, priced])
def test_values_that_rows_share_have_probabilities(draw: Callable[[np.random.Generator, np.ndarray], np.ndarray]):
    rng = np.random.default_rng(0)
    x = rng.normal(size=ROWS)
    y = draw(rng, np.exp(1.5 + 0.5 * x))
    kinds = {"y": {"kind": "rounded", "step": 0.1}} if draw is priced else None
    model = small(kinds=kinds).fit(x[:, None], y)
    assert isinstance(model.model_, StackedDensity)
    dist: Any = model.predict_dist(np.array([[-1.0], [0.0], [1.0]]))
    between = np.linspace(-0.7, 30.3, 63)[:, None]
    steps = np.unique(np.r_[y, dist.ppf(np.linspace(0.01, 0.99, 50)[:, None]).ravel()])
    # A number next to one of the lattice is taken for it.
    before = steps - 0.01 if draw is priced else np.nextafter(steps, -np.inf)
    below, mass = dist.cdf(before[:, None]), dist.pmf(steps[:, None])
    np.testing.assert_allclose(dist.cdf(steps[:, None]) - below, mass, atol=1e-6)
    assert (np.diff(dist.cdf(between), axis=0) >= 0).all()
    assert (dist.cdf(-1e9) == 0).all()
    np.testing.assert_allclose(dist.cdf(1e9), 1)
    # The least number up to which the probability is q.
    q = np.array([0.05, 0.31, 0.5, 0.77, 0.99])[:, None]
    quantiles = dist.ppf(q)
    assert (dist.cdf(quantiles) >= q - 1e-6).all()
    assert (dist.cdf(quantiles) - dist.pmf(quantiles) <= q + 1e-6).all()
    values, counts = np.unique(y, return_counts=True)
    assert (dist.pmf(values[counts.argmax()]) > 0.01).all()
    assert np.isneginf(dist.logpdf(-2.0)).all()
    if draw is not with_zeros:
        assert np.isneginf(dist.logpdf(0.25)).all()
        lattice = np.arange(4000.0)[:, None] / (10 if draw is priced else 1)
        np.testing.assert_allclose(dist.pmf(lattice).sum(axis=0), 1, atol=1e-3)
        np.testing.assert_allclose(dist.pdf(lattice).mean(axis=0) * lattice[-1], 1, atol=1e-2)


def test_durations_are_numbers_of_seconds():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 1))
    seconds = np.exp(5 + x[:, 0] + 0.1 * rng.normal(size=ROWS)).round(3)
    y = (1e9 * seconds).astype("timedelta64[ns]")
    model = small(max_epochs=1).fit(x, pd.Series(y))
    dist: Any = model.predict_dist(x)
    np.testing.assert_allclose(model.log_prob(x, pd.Series(y)), dist.logpdf(seconds), rtol=1e-6)
    np.testing.assert_allclose(dist.cdf(y), dist.cdf(seconds), rtol=1e-6)
    assert model.crps(x, pd.Series(y)) < 1000


def test_rounded_numbers_have_a_density():
    """Where rows share values only because these are rounded, the density is about that of the numbers themselves."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=ROWS)
    y = np.exp(0.5 * x + rng.normal(size=ROWS))
    # Three significant digits are on no lattice.
    shown = np.asarray([float(f"{value:.2g}") for value in y])
    exact, rounded = (
        small().fit(x[:, None], values).predict_dist(x[:50, None]).logpdf(y[:50]) for values in (y, shown)
    )
    assert np.isfinite(rounded).all()
    assert abs((exact - rounded).mean()) < 0.3


def test_gaussian_process_leaves_each_row_out():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    y = np.sin(x[:, 0]) + 0.1 * rng.normal(size=40)
    weights = rng.uniform(0.5, 2.0, 40)
    whole = GaussianProcess.of(x, y, weights, 0)
    mean, spread = whole.left_out()
    for row in (0, 17):
        rest = np.arange(40) != row
        without = GaussianProcess(x[rest], y[rest], whole.noise[rest], whole.sizes)
        assert without.predict(x[[row]])[0][0] == pytest.approx(mean[row], rel=1e-5)
    assert ((y - mean) ** 2).mean() < 0.3 * y.var()
    assert (spread > 0).all()


def test_logarithm_is_taken_where_it_is_likelier():
    y, weights = np.random.default_rng(0).normal(size=400), np.ones(400)
    assert Scale.logarithm(np.exp(y), weights).bound is not None
    scale = Scale.logarithm(np.exp(y), weights)
    np.testing.assert_allclose(scale.values(scale.scores(np.exp(y))), np.exp(y))
    assert scale.scores(np.array([scale.bound, -1e9])).max() == -np.inf


def test_likelier_densities_weigh_more():
    log_probs = np.stack([np.zeros(100), np.full(100, -3.0)], axis=1)
    weights = mixture_weights(log_probs, np.ones(100))
    assert weights[0] > 0.95
    assert weights[1] >= 1 / 102 - 1e-9
