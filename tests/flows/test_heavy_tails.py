"""Flows of data with heavy tails, which mean and standard deviation say nothing of."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import pushforward as pf

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def fitted() -> Any:
    """A short default fit of two Cauchy columns."""
    x = np.random.default_rng(0).standard_cauchy((5000, 2)).astype(np.float32)
    flow = pf.flows.nsf(KEY, 2, layers=2, hidden=(32, 32))
    return pf.fit(KEY, flow, x, members=1, gaussians=False, max_epochs=10, progress=False).flow


def test_two_cauchy_columns(fitted):
    """KL was 1.49 nats, and grew with each epoch."""
    y = np.random.default_rng(1).standard_cauchy((20000, 2)).astype(np.float32)
    truth = stats.cauchy.logpdf(y).sum(axis=1)
    assert np.mean(truth - fitted.log_prob(y)) <= 0.05


def test_tails_go_on_beyond_the_data(fitted):
    """At a hundred million quartiles the log-density is still near that of the Cauchy distribution."""
    x = np.array([[1e4, 0.0], [-1e6, 0.0], [0.0, 1e8]], np.float32)
    truth = stats.cauchy.logpdf(x).sum(axis=1)
    np.testing.assert_allclose(fitted.log_prob(x), truth, rtol=0.25)


def test_draws_are_finite(fitted):
    x, log_prob = fitted.sample_and_log_prob(KEY, (20000,))
    assert np.isfinite(x).all()
    assert np.isfinite(log_prob).all()
    np.testing.assert_allclose(np.quantile(x, [0.25, 0.5, 0.75], axis=0).T, [[-1, 0, 1]] * 2, atol=0.2)
    assert np.mean(np.abs(x) > 100) == pytest.approx(2 * stats.cauchy.sf(100), rel=0.4)


def test_no_finite_row_has_a_density_that_is_not_a_number(fitted):
    x = np.array([[1e38, 0.0], [-3e38, 3e38], [1e-38, -1e30]], np.float32)
    log_prob = np.asarray(fitted.log_prob(x))
    assert np.isfinite(log_prob).all()


def test_adapted_and_saved(fitted, tmp_path):
    x = np.array([[1.0, -2.0], [1000.0, 3.0]], np.float32)
    pf.save(tmp_path / "heavy.pf", fitted)
    np.testing.assert_array_equal(pf.load(tmp_path / "heavy.pf").log_prob(x), fitted.log_prob(x))
    assert isinstance(fitted.support, pf.supports.Real)
    cooled = pf.adapt.temper(fitted, 0.5)
    assert np.isfinite(np.asarray(cooled.log_prob(x))).all()
    assert np.isfinite(pf.adapt.denoise(fitted, x, 0.1)).all()


def test_positive_prices_have_tails_of_their_logarithms():
    """A support comes first: the logarithm of these prices is normal, so that no tail is set."""
    x = np.exp(np.random.default_rng(0).normal(size=(5000, 2)))
    flow = pf.adapt.constrain(pf.flows.nsf(KEY, 2, layers=1, hidden=(4,)), pf.bijections.Exp((2,)))
    assert "TukeyH(" not in str(pf.train.initialize(flow, x))
    assert "TukeyH(" in str(pf.train.initialize(pf.flows.nsf(KEY, 2, layers=1, hidden=(4,)), x))
