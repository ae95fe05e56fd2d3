"""The test that all diagnostics of calibration share."""

import numpy as np
import pytest
from scipy import stats

from pushforward.evaluate._uniformity import _pointwise_p_values, departures, uniformity


def uniform(rng, rows, columns, num_draws):
    if num_draws is None:
        return rng.uniform(size=(rows, columns))
    return (rng.integers(0, num_draws + 1, size=(rows, columns)) + 0.5) / (num_draws + 1)


@pytest.mark.parametrize(("rows", "columns", "num_draws"), [(50, 1, None), (300, 3, 99), (100, 1, 9), (200, 2, 399)])
def test_uniform_values_are_rejected_as_often_as_stated(rows, columns, num_draws, rng):
    runs = [uniformity(uniform(rng, rows, columns, num_draws), num_draws) for _ in range(1000)]
    rejected = np.mean([run.p_values.min() <= 0.05 for run in runs])
    # Three standard errors of 1,000 runs; discrete tests and the correction for columns may stay below the level.
    assert 0.02 <= rejected <= 0.05 + 0.021


def test_a_curve_leaves_the_band_exactly_when_its_p_value_is_small(rng):
    outcomes = set()
    for spread in np.linspace(0.7, 1.3, 60):
        values = stats.norm.cdf(spread * rng.normal(size=(80, 2)))
        test = uniformity(values, None)
        inside = (test.shares >= test.low[:, None] - 1e-12) & (test.shares <= test.high[:, None] + 1e-12)
        np.testing.assert_array_equal(inside.all(axis=0), test.p_values > 0.05)
        outcomes |= {bool(column.all()) for column in inside.T}
    assert outcomes == {True, False}


@pytest.mark.parametrize("num_draws", [None, 1, 9, 99, 124, 399])
def test_shares_are_those_of_uniform_values_on_average(num_draws):
    cells = 1000 if num_draws is None else num_draws + 1
    every = ((np.arange(cells) + 0.5) / cells)[:, None]
    test = uniformity(every, num_draws)
    assert 1 <= len(test.levels) <= 99
    assert np.all(np.diff(test.levels) > 0)
    np.testing.assert_allclose(test.shares[:, 0], test.levels, atol=1e-12)
    assert test.p_values[0] > 0.9


@pytest.mark.parametrize("n", [1, 7, 5000])
def test_pointwise_p_values_against_scipy(n):
    levels = np.array([0.01, 0.3, 0.5, 0.99])
    counts = np.tile(np.unique(np.linspace(0, n, 20).astype(int))[:, None], 4)
    smaller = np.minimum(stats.binom.cdf(counts, n, levels), stats.binom.sf(counts - 1, n, levels))
    np.testing.assert_allclose(_pointwise_p_values(counts, n, levels), np.minimum(2 * smaller, 1), atol=1e-12)


def test_p_values_go_below_the_number_of_simulations(rng):
    test = uniformity(np.full((200, 100), 0.01) + 0.01 * rng.uniform(size=(200, 100)), None)
    assert np.all(test.p_values < 1e-20)


def test_departures_in_standard_errors(rng):
    mean, variance = departures(rng.uniform(size=(400, 5000)))
    np.testing.assert_allclose([mean.mean(), variance.mean()], 0.0, atol=0.08)
    np.testing.assert_allclose([mean.std(), variance.std()], 1.0, atol=0.05)
