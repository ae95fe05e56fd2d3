"""Moments in float64, block by block, at scales where sums of squares would overflow or cancel."""

import numpy as np
import pytest

from pushforward.numerics.moments import correlation, moments


@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (1e9, 1.0), (-1e200, 1e190), (1e-200, 1e-205), (1e30, 1e30)])
def test_moments(rng, loc, scale):
    x = loc + scale * rng.normal(size=(1000, 3))
    weights = rng.uniform(size=1000)
    got = moments((x[i : i + 70], weights[i : i + 70]) for i in range(0, 1000, 70))
    unit = max(abs(loc), scale)
    mean = np.average(x / unit, axis=0, weights=weights)
    sd = np.sqrt(np.average((x / unit - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(got.loc / unit, mean, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got.scale / unit, sd, rtol=1e-6)
    np.testing.assert_array_equal(got.low, x.min(axis=0))
    np.testing.assert_array_equal(got.high, x.max(axis=0))


def test_correlation(rng):
    x = (rng.normal(size=(500, 3)) @ rng.normal(size=(3, 3)) + 5) * [1, 1e30, 1e-30]
    of = moments([(x, np.ones(500))])
    np.testing.assert_allclose(correlation([x], of), np.corrcoef(x / of.scale, rowvar=False), rtol=1e-9)
