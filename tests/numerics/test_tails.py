"""Which columns have heavy tails, and how heavy."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from pushforward.numerics.tails import tails


def heavy(rng: np.random.Generator, distribution: Any, rows: int, columns: int = 200) -> Any:
    """Return the tails of many independent columns."""
    return tails(np.asarray(distribution.rvs(size=(rows, columns), random_state=rng), float), np.ones(rows))


LIGHT = {
    "normal": stats.norm,
    "uniform": stats.uniform,
    "exponential": stats.expon,
    "gamma": stats.gamma(1.5),
    "logistic": stats.logistic,
    "Poisson": stats.poisson(3),
    "geometric": stats.geom(0.3),
    "binary": stats.bernoulli(0.5),
}


@pytest.mark.parametrize("name", LIGHT)
def test_light_tails_are_left_alone(rng, name):
    assert not heavy(rng, LIGHT[name], 100).heavy.any()
    assert heavy(rng, LIGHT[name], 300).heavy.mean() <= 0.03
    found = heavy(rng, LIGHT[name], 2000)
    assert found.heavy.mean() <= 0.01
    light = ~found.heavy
    assert (found.loc[light] == 0).all()
    assert (found.scale[light] == 1).all()


def test_modes_and_atoms_are_no_tails(rng):
    shape = (2000, 100)
    two = np.where(rng.uniform(size=shape) < 0.5, 4, -4) + 0.3 * rng.normal(size=shape)
    few = np.where(rng.uniform(size=shape) < 0.05, 100, 0) + rng.normal(size=shape)
    often_zero = np.where(rng.uniform(size=shape) < 0.6, 0, rng.gamma(1.5, size=shape))
    rounded = np.round(2 * rng.normal(size=shape))
    for x in (two, few, often_zero, rounded, np.ones(shape)):
        assert tails(x, np.ones(2000)).heavy.mean() <= 0.05


def test_more_than_half_of_one_value_has_no_scale(rng):
    x = np.where(rng.uniform(size=(2000, 20)) < 0.8, 0.0, rng.standard_cauchy((2000, 20)))
    assert not tails(x, np.ones(2000)).heavy.any()


@pytest.mark.parametrize(
    ("distribution", "rows", "index"),
    [(stats.cauchy, 2000, 1.0), (stats.t(2), 2000, 0.5), (stats.pareto(1), 2000, 1.0)],
)
def test_heavy_tails_get_their_index(rng, distribution, rows, index):
    found = heavy(rng, distribution, rows)
    assert found.heavy.mean() >= 0.95
    assert np.median(found.right) == pytest.approx(index, rel=0.15)
    if distribution.support()[0] < 0:
        assert np.median(found.left) == pytest.approx(index, rel=0.15)
        assert np.mean(found.left == found.right) > 0.8
    else:
        assert (found.left == 0).all()


def test_moderate_tails_on_one_side_count_and_on_both_do_not(rng):
    """Columns with two such tails often share their scale: setting them one by one made fits worse."""
    assert heavy(rng, stats.lognorm(1.0), 5000, 50).heavy.mean() >= 0.9
    assert heavy(rng, stats.t(4), 5000, 50).heavy.mean() <= 0.1


def test_a_few_hundred_cauchy_rows_suffice(rng):
    found = heavy(rng, stats.cauchy, 300)
    assert found.heavy.mean() >= 0.9
    assert np.median(found.right) == pytest.approx(1.0, rel=0.2)


def test_the_scale_fits_the_quartiles(rng):
    """A column of loc + scale z exp(h z² / 2) gets its own numbers."""
    z = rng.normal(size=(20000, 20))
    found = tails(5 + 3 * z * np.exp(np.where(z < 0, 0.5, 1.0) * z**2 / 2), np.ones(20000))
    assert np.median(found.loc) == pytest.approx(5, abs=0.05)
    assert np.median(found.scale) == pytest.approx(3, rel=0.05)
    assert (np.median(found.left), np.median(found.right)) == pytest.approx((0.5, 1.0), rel=0.15)


@pytest.mark.parametrize("unit", [1e-30, 1e-3, 1e30, 1e300])
def test_units_and_locations_do_not_matter(rng, unit):
    x = rng.standard_cauchy((2000, 3))
    one, other = tails(x, np.ones(2000)), tails(unit * x, np.ones(2000))
    assert one.heavy.all()
    np.testing.assert_allclose(other.right, one.right, rtol=1e-6)
    np.testing.assert_allclose(other.scale, unit * one.scale, rtol=1e-6)
    np.testing.assert_allclose(other.loc, unit * one.loc, rtol=1e-6)


def test_a_weight_counts_as_a_share_of_the_rows(rng):
    """Cauchy rows weighted to a uniform distribution have no tail; others, weighted to equal weights, keep it."""
    x = rng.standard_cauchy((4000, 20))
    found = tails(x, 7 * np.ones(4000))
    np.testing.assert_allclose(found.right, tails(x, np.ones(4000)).right, rtol=1e-6)
    column = x[:, :1]
    assert tails(column, np.ones(4000)).heavy.all()
    assert not tails(column, np.where(np.abs(column[:, 0]) < 2, 1.0, 0.0)).heavy.any()


def test_no_rows_say_nothing():
    found = tails(np.empty((0, 3)), np.empty(0))
    assert not found.heavy.any()
    assert (found.scale == 1).all()
