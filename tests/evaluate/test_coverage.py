"""Expected coverage against exact regions of a normal posterior."""

import numpy as np
import pytest
from scipy import stats

from pushforward.distributions import StandardNormal
from pushforward.evaluate import expected_coverage, sbc_ranks, tarp

from .models import Flat, Posterior, simulate


def test_highest_density_regions_of_a_normal_posterior_are_balls(key, rng):
    theta, x = simulate(rng, 60)
    result = expected_coverage(key, Posterior(), theta, x, num_draws=2500)
    exact = stats.chi2.cdf(((theta - x / 2) ** 2).sum(axis=1) / 0.5, 2)
    assert np.abs(result.values - exact).max() < 5 * 0.5 / np.sqrt(2500)
    shares = [(result.values < level).mean() for level in result.levels]
    np.testing.assert_allclose(result.coverage, shares)


def test_balls_around_reference_points(key, rng):
    theta, x = simulate(rng, 60)
    # From a reference far to the right, nearer means further right.
    far = np.tile([1e7, 0.0], (60, 1))
    result = tarp(key, Posterior(), theta, x, num_draws=2500, references=far)
    exact = stats.norm.sf(theta[:, 0], x[:, 0] / 2, 0.5**0.5)
    assert np.abs(result.values - exact).max() < 5 * 0.5 / np.sqrt(2500)


@pytest.mark.parametrize(
    ("wrong", "hpd", "of_tarp"),
    [
        (Posterior(), "calibrated", "calibrated"),
        (Posterior(shift=1.0), "overconfident", None),
        (Posterior(scale=0.35), "overconfident", "overconfident"),
        (Posterior(scale=1.4), "underconfident", "underconfident"),
    ],
)
def test_findings(wrong, hpd, of_tarp, key, rng):
    theta, x = simulate(rng, 500)
    result = expected_coverage(key, wrong, theta, x, num_draws=99)
    assert result.finding == hpd
    assert str(result).startswith(f"Coverage of highest-density regions, 500 pairs: {hpd}")
    if hpd != "calibrated":
        outside = result.coverage < result.low if hpd == "overconfident" else result.coverage > result.high
        assert outside.any()
    result = tarp(key, wrong, theta, x, num_draws=99)
    assert result.finding == of_tarp or (of_tarp is None and result.finding != "calibrated")
    assert f"{result.finding} " in str(result) or f"{result.finding}," in str(result)


def test_what_ignores_the_observation_is_seen_from_references_that_do_not(key, rng):
    theta, x = simulate(rng, 500)
    prior = Posterior(gain=0.0, scale=1.0)
    assert sbc_ranks(key, prior, theta, x, 99).findings == ("calibrated", "calibrated")
    assert expected_coverage(key, prior, theta, x, num_draws=99).finding == "calibrated"
    assert tarp(key, prior, theta, x, num_draws=99).finding == "calibrated"
    assert tarp(key, prior, theta, x, num_draws=99, references=x).finding != "calibrated"
    assert tarp(key, Posterior(), theta, x, num_draws=99, references=x).finding == "calibrated"


def test_flat_densities(key, rng):
    theta, x = rng.uniform(size=(300, 1)), np.zeros((300, 1))
    assert expected_coverage(key, Flat(), theta, x, num_draws=99).finding == "calibrated"
    outside = expected_coverage(key, Flat(), theta + 1, x, num_draws=99)
    np.testing.assert_array_equal(outside.values, 99.5 / 100)
    assert outside.finding == "overconfident"


def test_refusals(key, rng):
    theta, x = simulate(rng, 20)
    for test in (expected_coverage, tarp):
        with pytest.raises(ValueError, match="`posterior` must be a conditional density"):
            test(key, StandardNormal((2,)), theta, x)
        with pytest.raises(ValueError, match="`num_draws` must be a positive integer"):
            test(key, Posterior(), theta, x, num_draws=0)
    with pytest.raises(ValueError, match="`theta` must be of a density that is a number; got `NaN in 20 of 20 rows`"):
        expected_coverage(key, Posterior(scale=np.nan), theta, x)
    with pytest.raises(ValueError, match=r"`references` must be of shape \(rows, 2\)"):
        tarp(key, Posterior(), theta, x, references=theta[0])
