"""Two-sample tests against SciPy, direct sums and known answers."""

import sys

import jax
import numpy as np
import pytest
from scipy import stats

from pushforward.evaluate import c2st, mmd, sliced_wasserstein


def test_sliced_wasserstein_in_one_dimension_is_that_of_scipy(key, rng):
    x, y = rng.normal(size=(37, 1)), rng.exponential(size=(50, 1))
    result = sliced_wasserstein(key, x, y, p=1.0, num_projections=3)
    np.testing.assert_allclose(result.value, stats.wasserstein_distance(x[:, 0], y[:, 0]), rtol=1e-12)
    assert result.rows == (37, 50)


def test_sliced_wasserstein_of_a_shift(key, rng):
    x, shift = rng.normal(size=(60, 3)), np.array([3.0, 0.0, 4.0])
    result = sliced_wasserstein(key, x, x + shift, num_projections=5_000, permutations=19)
    # W_2 along u is |u·shift|, and (u·shift)² is |shift|² / 3 on average over directions.
    np.testing.assert_allclose(result.value, 5 / np.sqrt(3), rtol=0.03)
    assert result.p_value == 1 / 20


def test_expected_distance_is_that_of_equal_samples(key, rng):
    result = sliced_wasserstein(key, rng.normal(size=(100, 2)), rng.normal(size=(150, 2)))
    assert 0.5 < result.value / result.expected < 2
    assert result.p_value > 0.05
    assert "no difference is found" in str(result)


def naive_mmd(x, y, s):
    def mean(a, b, same):
        kernel = np.exp(-((a[:, None] - b) ** 2).sum(axis=2) / (2 * s**2))
        return (kernel.sum() - len(a)) / (len(a) * (len(a) - 1)) if same else kernel.mean()

    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


@pytest.mark.parametrize("far", [0.0, 1e6])
def test_mmd_is_the_double_sum(key, rng, monkeypatch, far):
    monkeypatch.setattr("pushforward.evaluate.two_sample.BLOCK", 32)
    x, y = rng.normal(size=(40, 2)) + far, 1.5 * rng.normal(size=(70, 2)) + far
    np.testing.assert_allclose(mmd(key, x, y, bandwidth=0.8).value, naive_mmd(x, y, 0.8), rtol=1e-6)
    pooled = np.concatenate([x, y])
    distances = np.sqrt(((pooled[:, None] - pooled) ** 2).sum(axis=2))[np.triu_indices(110, 1)]
    np.testing.assert_allclose(mmd(key, x, y).value, naive_mmd(x, y, np.median(distances)), rtol=1e-6)


def test_mmd_is_unbiased(rng):
    keys = jax.random.split(jax.random.key(0), 200)
    values = [
        mmd(k, rng.normal(size=(20, 2)), rng.normal(size=(15, 2)), bandwidth=1.0, permutations=19).value for k in keys
    ]
    assert abs(np.mean(values)) < 3 * stats.sem(values)


@pytest.mark.parametrize("test", [mmd, sliced_wasserstein])
def test_units_do_not_matter_where_columns_are_standardized(test, key, rng):
    x, y = rng.normal(size=(80, 2)), rng.normal(size=(80, 2)) + np.array([0.0, 1.0])
    units = np.array([1e6, 1e-6])
    plain = test(key, x, y, standardize=True)
    scaled = test(key, x * units, y * units, standardize=True)
    np.testing.assert_allclose(scaled.value, plain.value, rtol=1e-9)
    assert plain.p_value < 0.05
    # Without it the column that differs counts for nothing beside one of a million times its numbers.
    alone = test(key, x * units * [1, 0], y * units * [1, 0])
    np.testing.assert_allclose(test(key, x * units, y * units).value, alone.value, rtol=1e-6)


def test_constant_columns_do_no_harm(key, rng):
    x, y = rng.normal(size=(50, 2)) * [1.0, 0.0], rng.normal(size=(50, 2)) * [1.0, 0.0]
    assert mmd(key, x, y, standardize=True).p_value > 0.05
    assert sliced_wasserstein(key, x, y, standardize=True).p_value > 0.05


def test_accuracy_is_that_of_the_best_classifier(key, rng):
    x, y = rng.normal(size=(300, 1)), rng.normal(size=(300, 1)) + 2
    result = c2st(key, x, y)
    assert abs(result.value - stats.norm.cdf(1.0)) < 0.04
    assert result.p_value < 1e-20
    assert "the samples differ" in str(result)
    assert c2st(key, x, y) == result


def test_the_classifier_standardizes_by_the_first_sample(key, rng):
    x, y = rng.normal(size=(200, 1)), 3 * rng.normal(size=(200, 1))
    # Rows of y beyond ±1.5 or so are told apart; unscaled, nothing could be learned from numbers of this size.
    assert c2st(key, 1e8 * x + 1e9, 1e8 * y + 1e9).value > 0.65


def test_refusals(key, rng):
    x = rng.normal(size=(30, 2))
    for test in (c2st, mmd, sliced_wasserstein):
        with pytest.raises(ValueError, match=r"`x` must be of shape \(rows, columns\); got shape \(30,\)|`shape"):
            test(key, x[:, 0], x)
        with pytest.raises(ValueError, match="`y` must be of 2 columns, as `x`"):
            test(key, x, x[:, :1])
        with pytest.raises(ValueError, match="`y` must be finite; got `1 of 30 rows with a number that is not`"):
            test(key, x, np.where(np.arange(30)[:, None] == 3, np.nan, x))
    with pytest.raises(ValueError, match=r"`y` must be of as many rows as `x`, 30; got `20 rows`\. Take a random part"):
        c2st(key, x, x[:20])
    with pytest.raises(ValueError, match="`rows of x` must be an integer of at least 10"):
        c2st(key, x[:9], x[:9])
    with pytest.raises(ValueError, match="`permutations` must be an integer of at least 19"):
        mmd(key, x, x, permutations=10)
    with pytest.raises(ValueError, match="`p` must be at least 1"):
        sliced_wasserstein(key, x, x, p=0.5)
    with pytest.raises(ValueError, match="`bandwidth` must be positive and finite"):
        mmd(key, x, x, bandwidth=-1.0)
    with pytest.raises(ValueError, match=r"of a positive median distance; got 0\.0\. Most rows are equal"):
        mmd(key, np.zeros((20, 2)), np.zeros((20, 2)))


def test_a_missing_extra_is_said(key, rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    with pytest.raises(ImportError, match=r"`c2st` needs scikit-learn: pip install pushforward\[sklearn\]"):
        c2st(key, rng.normal(size=(20, 2)), rng.normal(size=(20, 2)))
