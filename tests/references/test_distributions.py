"""Distributions against SciPy: densities, and the distribution function of the draws."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from pushforward import bijections as b
from pushforward import distributions as d

from ..conftest import SEED

X = np.concatenate([np.linspace(-40, 40, 161), [1e-30, 1e4, -1e4]])
SCALAR = [
    ("StandardNormal", d.StandardNormal(()), stats.norm()),
    ("Normal", d.Normal(0.7, 2.5), stats.norm(0.7, 2.5)),
    ("Normal-narrow", d.Normal(-3.0, 1e-3), stats.norm(-3.0, 1e-3)),
    ("Uniform", d.Uniform(-2.0, 3.5), stats.uniform(-2.0, 5.5)),
    ("StudentT-1", d.StudentT(1.0, 0.5, 2.0), stats.cauchy(0.5, 2.0)),
    ("StudentT-3.5", d.StudentT(3.5, -1.0, 0.3), stats.t(3.5, -1.0, 0.3)),
    ("StudentT-200", d.StudentT(200.0), stats.t(200.0)),
    ("Logistic", d.Logistic(1.0, 0.5), stats.logistic(1.0, 0.5)),
    ("log-normal", d.Pushforward(d.Normal(0.2, 0.7), b.Exp(())), stats.lognorm(0.7, scale=np.exp(0.2))),
    ("standard-uniform", d.Pushforward(d.Logistic(0.0, 1.0), b.Sigmoid(())), stats.uniform()),
    ("uniform-from-normal", d.Pushforward(d.StandardNormal(()), b.NormalCDF((), -2.0, 3.5)), stats.uniform(-2.0, 5.5)),
    (
        "standardized",
        d.Pushforward(d.StandardNormal(()), b.Standardize(100.0, 25.0)),
        stats.norm(100.0, 25.0),
    ),
]
each = pytest.mark.parametrize(("ours", "theirs"), [s[1:] for s in SCALAR], ids=[s[0] for s in SCALAR])


@each
def test_log_density_is_scipys(ours: Any, theirs: Any):
    with np.errstate(divide="ignore"):
        expected = theirs.logpdf(X)
    # The ends of a support have probability zero, and conventions differ.
    ends = np.isin(X, [v for v in theirs.support() if np.isfinite(v)])
    given = np.asarray(ours.log_prob(X))
    np.testing.assert_array_equal(np.isneginf(given[~ends]), np.isneginf(expected[~ends]))
    keep = ~ends & np.isfinite(expected)
    np.testing.assert_allclose(given[keep], expected[keep], rtol=1e-10, atol=1e-10)


@each
def test_draws_follow_scipys_distribution_function(ours: Any, theirs: Any):
    draws = np.asarray(ours.sample(jax.random.key(SEED), 5000))
    assert stats.kstest(draws, theirs.cdf).pvalue > 1e-3


def test_multivariate_normal_is_scipys():
    rng = np.random.default_rng(SEED)
    root = rng.standard_normal((4, 4))
    covariance, mean = root @ root.T + 0.01 * np.eye(4), rng.standard_normal(4)
    ours = d.MultivariateNormal(mean, covariance)
    x = rng.standard_normal((50, 4)) * 5
    np.testing.assert_allclose(ours.log_prob(x), stats.multivariate_normal.logpdf(x, mean, covariance), rtol=1e-9)  # pyright: ignore[reportArgumentType]
    draws = np.asarray(ours.sample(jax.random.key(SEED), 20000))
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).T)
    np.testing.assert_allclose(np.cov(whitened), np.eye(4), atol=0.05)
    np.testing.assert_allclose(whitened.mean(axis=1), 0, atol=0.04)


def test_events_sum_over_their_elements():
    loc, scale = np.array([[0.0, 1.0], [2.0, -3.0]]), np.array([[1.0, 0.1], [2.0, 5.0]])
    x = np.array([[0.3, 0.9], [-1.0, 4.0]])
    np.testing.assert_allclose(d.Normal(loc, scale).log_prob(x), stats.norm.logpdf(x, loc, scale).sum(), rtol=1e-12)
    expected = stats.logistic.logpdf(x, loc, scale).sum()
    np.testing.assert_allclose(d.Logistic(loc, scale).log_prob(x), expected, rtol=1e-12)
    expected = stats.t.logpdf(x, 4.0, loc, scale).sum()
    np.testing.assert_allclose(d.StudentT(4.0, loc, scale).log_prob(x), expected, rtol=1e-12)
