"""The baselines against SciPy, exact answers, and quadrature."""

import numpy as np
import pytest
from scipy import stats

from pushforward.distributions import MultivariateNormal
from pushforward.evaluate.likelihood import (
    compare_likelihood,
    gaussian_log_density,
    kde_log_density,
    mean_and_standard_error,
)


@pytest.fixture
def rows(rng):
    return rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3)) + [1.0, 2.0, 3.0]


@pytest.mark.parametrize("weighted", [False, True])
def test_against_scipy(rows, rng, weighted):
    weights = rng.uniform(0.1, 2.0, size=300) if weighted else None
    covariance = np.cov(rows, rowvar=False, aweights=weights, bias=True)
    mean = np.average(rows, axis=0, weights=weights)
    kde = stats.gaussian_kde(rows.T, weights=weights)
    test = rows[:40] + 0.1
    expected = stats.multivariate_normal.logpdf(test, mean, covariance)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(gaussian_log_density(rows, test, 3, weights), expected, atol=1e-9)
    np.testing.assert_allclose(kde_log_density(rows, test, 3, weights), kde.logpdf(test.T), atol=1e-9)


@pytest.mark.parametrize("log_density", [gaussian_log_density, kde_log_density])
def test_units_change_the_density_by_their_jacobian_only(rows, log_density):
    units = np.array([1e12, 1.0, 1e-12])
    plain = log_density(rows, rows[:10], 3)
    np.testing.assert_allclose(log_density(rows * units, rows[:10] * units, 3), plain, atol=1e-6)


@pytest.mark.parametrize("log_density", [gaussian_log_density, kde_log_density])
def test_conditional_densities_integrate_to_one(rows, log_density):
    grid = np.linspace(-40, 40, 8001)
    line = np.column_stack([grid, np.full_like(grid, 2.5), np.full_like(grid, 3.5)])
    density = np.exp(log_density(rows, line, 1))
    np.testing.assert_allclose(np.trapezoid(density, grid), 1.0, atol=1e-6)


def test_no_underflow_far_away(rows):
    far = rows[:2] + 1e4
    assert np.isfinite(gaussian_log_density(rows, far, 3)).all()
    assert np.isfinite(kde_log_density(rows, far, 3)).all()


def test_comparison(rng):
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    x = rng.multivariate_normal([0.0, 1.0], covariance, size=12_000)
    truth = MultivariateNormal(np.array([0.0, 1.0]), covariance)
    results = compare_likelihood(truth, x[:11_000], x[11_000:])
    entropy = 0.5 * np.log(np.linalg.det(2 * np.pi * np.e * covariance))
    flow, gaussian, kde = (results[name] for name in ("flow", "gaussian", "kde"))
    assert abs(flow.mean + entropy) < 4 * flow.standard_error
    assert flow.rows == 1000
    assert abs(gaussian.behind) < 0.01
    assert gaussian.behind_error < flow.standard_error
    assert gaussian.fitted_on == 11_000
    assert kde.fitted_on == 10_000
    assert "10,000 of the 11,000 rows" in kde.note
    assert 0 < kde.behind < 0.1


def test_weights_stand_for_repeated_rows(rng):
    x = rng.normal(size=(60, 2))
    counts = rng.integers(1, 4, size=60)
    flow = MultivariateNormal(np.zeros(2), np.eye(2))
    by_weight = compare_likelihood(flow, x, x, train_weights=counts, test_weights=counts)
    repeated = compare_likelihood(flow, np.repeat(x, counts, axis=0), np.repeat(x, counts, axis=0))
    np.testing.assert_allclose(by_weight["flow"].mean, repeated["flow"].mean)
    np.testing.assert_allclose(by_weight["gaussian"].mean, repeated["gaussian"].mean)


def test_a_singular_covariance_is_said(rng):
    x = rng.normal(size=(50, 1)) * [1.0, 2.0]
    results = compare_likelihood(MultivariateNormal(np.zeros(2), np.eye(2)), x[:40], x[40:])
    assert np.isfinite(results["flow"].mean)
    for name in ("gaussian", "kde"):
        assert np.isnan(results[name].mean)
        assert "singular" in results[name].note


def test_standard_error(rng):
    values = rng.normal(size=(2000, 100))
    means, errors = zip(*(mean_and_standard_error(v) for v in values), strict=True)
    np.testing.assert_allclose(np.mean(errors), np.std(means), rtol=0.05)
    np.testing.assert_allclose(errors[0], stats.sem(values[0]))


def test_refusals(rows):
    flow = MultivariateNormal(np.zeros(3), np.eye(3))
    with pytest.raises(ValueError, match=r"`train` must be of shape \(rows, columns\)"):
        compare_likelihood(flow, rows[:, 0], rows)
    with pytest.raises(ValueError, match="not negative"):
        compare_likelihood(flow, rows, rows, train_weights=-np.ones(300))
    with pytest.raises(ValueError, match="`test_condition` must be of 300 rows"):
        compare_likelihood(flow, rows, rows, train_condition=rows, test_condition=rows[:5])
    with pytest.raises(ValueError, match="`rows of test` must be a positive integer"):
        compare_likelihood(flow, rows, rows[:0])
