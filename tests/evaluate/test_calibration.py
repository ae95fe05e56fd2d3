"""Ranks and PIT values against known distribution functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import pushforward as pf
from pushforward.distributions import Logistic, MultivariateNormal, Pushforward, StandardNormal
from pushforward.evaluate import base_pit, pit, sbc_ranks

from ..cases import cast, randomize
from .models import Posterior, simulate


def test_values_are_the_distribution_function(key, rng):
    theta, x = simulate(rng, 50)
    result = sbc_ranks(key, Posterior(), theta, x, 2500)
    exact = stats.norm.cdf(theta, x / 2, 0.5**0.5)
    assert np.abs(result.values - exact).max() < 5 * 0.5 / np.sqrt(2500)
    np.testing.assert_array_equal(result.values, (result.ranks + 0.5) / 2501)
    np.testing.assert_array_equal(pit(key, Posterior(), theta, x, num_draws=2500).values, result.values)


def test_an_unconditional_density(key, rng):
    normal = MultivariateNormal(np.array([1.0, -1.0]), np.array([[2.0, 0.5], [0.5, 1.0]]))
    x = rng.multivariate_normal([1.0, -1.0], [[2.0, 0.5], [0.5, 1.0]], size=200)
    result = pit(key, normal, x, num_draws=999)
    exact = stats.norm.cdf(x, [1.0, -1.0], [2**0.5, 1.0])
    assert np.abs(result.values - exact).max() < 5 * 0.5 / np.sqrt(999)
    assert result.findings == ("calibrated", "calibrated")


def test_every_draw_counts_once_in_blocks_of_any_size(key, monkeypatch):
    theta, x = np.full((7, 2), 1e6), np.zeros((7, 2))
    for most in (1, 14 * 9):
        monkeypatch.setattr("pushforward.evaluate._pairs.MOST_NUMBERS", most)
        np.testing.assert_array_equal(sbc_ranks(key, Posterior(), theta, x, 21).ranks, 21)
        np.testing.assert_array_equal(sbc_ranks(key, Posterior(), -theta, x, 21).ranks, 0)


@pytest.mark.parametrize(
    ("wrong", "finding", "word"),
    [
        (Posterior(), "calibrated", "calibrated as far as"),
        (Posterior(shift=0.4), "biased", "its density lies too high"),
        (Posterior(shift=-9.0), "biased", "its density lies too low"),
        (Posterior(scale=0.35), "overconfident", "too narrow"),
        (Posterior(scale=1.4), "underconfident", "too wide"),
    ],
)
def test_findings(wrong, finding, word, key, rng):
    result = sbc_ranks(key, wrong, *simulate(rng, 300), 99)
    assert result.findings == (finding, finding)
    assert word in str(result)
    assert str(result).startswith("Simulation-based calibration, 300 rows: ")


def test_only_the_column_that_is_wrong_is_named(key, rng):
    theta, x = simulate(rng, 300)
    result = sbc_ranks(key, Posterior(), theta + np.array([0.0, 1.0]), x, 99)
    assert result.findings == ("calibrated", "biased")
    assert "parameter 1 is biased" in str(result)
    assert "no departure in the other 1" in str(result)


def test_base_pit_of_an_autoregressive_map_is_the_conditional_distribution_function(rng):
    covariance = np.array([[2.0, 1.2], [1.2, 1.0]])
    map_ = pf.bijections.TriangularAffine(jnp.zeros(2), jnp.linalg.cholesky(jnp.asarray(covariance)))
    x = rng.multivariate_normal(np.zeros(2), covariance, size=300)
    result = base_pit(Pushforward(StandardNormal((2,)), map_), x)
    first = stats.norm.cdf(x[:, 0], 0, 2**0.5)
    second = stats.norm.cdf(x[:, 1], 0.6 * x[:, 0], (1 - 1.2**2 / 2) ** 0.5)
    np.testing.assert_allclose(result.values, np.stack([first, second], axis=1), atol=1e-9)
    assert result.findings == ("calibrated", "calibrated")
    # The margins are right, the correlation is not: the second element says so, PIT values of columns cannot.
    independent = pf.bijections.TriangularAffine(jnp.zeros(2), jnp.diag(jnp.sqrt(jnp.diag(jnp.asarray(covariance)))))
    independent = Pushforward(StandardNormal((2,)), independent)
    turned = x @ np.linalg.inv(np.linalg.cholesky(covariance)).T * [2**0.5, 1.0]
    assert base_pit(Pushforward(StandardNormal((2,)), map_), turned).findings[1] != "calibrated"
    assert base_pit(independent, turned).findings == ("calibrated", "calibrated")


def test_base_pit_of_a_conditional_flow_in_float32(key):
    flow = cast(randomize(pf.flows.real_nvp(key, dim=2, cond_dim=1, layers=1, hidden=(8,)), key, 1.0), "float32")
    condition = jax.random.normal(key, (200, 1), jnp.float32)
    x = flow.sample(jax.random.key(1), (), condition)
    assert base_pit(flow, x, condition).findings == ("calibrated", "calibrated")
    far = base_pit(flow, np.full((5, 2), 1e6, np.float32), condition[:5])
    assert np.all(far.p_values < 0.05)


def test_refusals(key, rng):
    theta, x = simulate(rng, 20)
    with pytest.raises(ValueError, match=r"`posterior` must be a conditional density; got `a StandardNormal"):
        sbc_ranks(key, StandardNormal((2,)), theta, x)
    with pytest.raises(ValueError, match=r"`theta` must be of shape \(rows, 2\); got `shape \(20, 1\)`"):
        sbc_ranks(key, Posterior(), theta[:, :1], x)
    with pytest.raises(ValueError, match=r"`x` must be of as many rows as `theta`, 20; got `3 rows`"):
        sbc_ranks(key, Posterior(), theta, x[:3])
    with pytest.raises(ValueError, match=r"`x` must be finite; got `20 of 20 rows"):
        sbc_ranks(key, Posterior(), theta, x * np.nan)
    with pytest.raises(ValueError, match=r"`rows of theta` must be a positive integer"):
        sbc_ranks(key, Posterior(), theta[:0], x[:0])
    with pytest.raises(ValueError, match="`num_draws` must be a positive integer"):
        sbc_ranks(key, Posterior(), theta, x, 0)
    with pytest.raises(ValueError, match=r"`condition` must be an array of shape \(rows, 2\); got None"):
        pit(key, Posterior(), theta)
    with pytest.raises(ValueError, match="`condition` must be None where `density` is unconditional"):
        pit(key, StandardNormal((2,)), theta, x)
    with pytest.raises(ValueError, match="`posterior` must be of finite draws; got `3,960 numbers that are not`"):
        sbc_ranks(key, Posterior(scale=np.nan), theta, x, 99)
    with pytest.raises(ValueError, match="`flow` must be one of a StandardNormal base; got 'Logistic'"):
        base_pit(Pushforward(Logistic(0.0, 1.0), pf.bijections.Identity(())), np.zeros(3))
    with pytest.raises(ValueError, match="`num_draws` must be the number of draws"):
        _ = base_pit(Pushforward(StandardNormal((2,)), pf.bijections.Identity((2,))), theta).ranks
    positive = Pushforward(StandardNormal((2,)), pf.bijections.Exp((2,)))
    with pytest.raises(ValueError, match="`x` must be within the support of the flow; got `20 rows that are not"):
        base_pit(positive, -np.abs(theta))
