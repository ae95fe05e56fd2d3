"""Importance weights say whether a flow is the density, and correct it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import stats

import pushforward as pf
from pushforward.distributions import Normal, Uniform

KEYS = jax.random.split(jax.random.key(0), 100)


def target(x):
    return stats.norm.logpdf(x) + 1.0


def found(key, q, n=2000, log_density=target):
    return pf.evaluate.importance(key, q, log_density, n)


def test_the_density_itself_is_exact():
    result = found(KEYS[0], Normal(0.0, 1.0))
    assert result.ess == pytest.approx(2000, rel=1e-4)
    assert result.log_z == pytest.approx(1.0, abs=1e-5)
    assert result.log_z_error < 1e-5
    assert result.khat < 0
    assert "nearly exact" in result.verdict


def test_normalizing_constant_and_its_error():
    results = [found(k, Normal(0.3, 1.4)) for k in KEYS]
    z = np.array([(r.log_z - 1.0) / r.log_z_error for r in results])
    assert abs(z.mean()) < 0.4
    assert 0.8 < z.std() < 1.25
    # ESS / n tends to 1 / E_q[w²], for normal p and q in closed form.
    v = 1 / (2 - 1 / 1.4**2)
    second = 1.4 * np.sqrt(v) * np.exp(0.3**2 / 1.4**2 / 2 * (1 + v / 1.4**2))
    assert np.mean([r.ess for r in results]) / 2000 == pytest.approx(1 / second, rel=0.02)


def test_wrong_flows_are_caught_and_right_ones_pass():
    """Here in a few repetitions; in a hundred in the slow job, `evaluate/test_power.py`."""

    def trusted(q):
        return sum(found(key, q, 10_000).khat < 0.7 for key in KEYS[:10])

    assert trusted(Normal(0.0, 1.0)) == 10
    assert trusted(Normal(0.2, 1.2)) == 10
    assert trusted(Normal(0.0, 0.1)) <= 2  # too narrow; 3 in 100 pass
    assert trusted(Normal(4.0, 1.0)) <= 2  # shifted


def test_resampled_draws_have_the_moments_of_the_density():
    result = found(KEYS[0], Normal(0.5, 1.5), n=20_000)
    draws = result.resample(KEYS[1])
    assert draws.shape == (20_000,)
    assert abs(draws.mean()) < 0.03
    assert draws.std() == pytest.approx(1, abs=0.03)
    assert result.resample(KEYS[1], 7).shape == (7,)
    np.testing.assert_allclose(np.exp(result.smoothed).sum(), 1, rtol=1e-5)


def test_zeros_have_no_weight():
    result = found(KEYS[0], Normal(0.0, 1.0), log_density=lambda x: jnp.where(x > 0, target(x), -jnp.inf))
    assert (result.resample(KEYS[1]) > 0).all()
    assert result.log_z == pytest.approx(1 + np.log(0.5), abs=0.1)
    assert result.ess == pytest.approx(np.sum(result.draws > 0), rel=1e-3)


@pytest.mark.parametrize(
    ("log_density", "message"),
    [
        (lambda x: jnp.where(x > 0, jnp.nan, 0.0), "must be a number for each event, finite or -inf; got `nan at"),
        (lambda x: jnp.where(x > 0, jnp.inf, 0.0), "finite or -inf; got `inf at"),
        (lambda x: -jnp.inf * jnp.ones_like(x), "must be finite where the flow draws; got `zero at all 2000 draws`"),
        (lambda x: jnp.stack([x, x]), r"must be a number for each event, finite or -inf; got `shape \(2,\)`"),
    ],
)
def test_bad_log_densities_are_refused(log_density, message):
    with pytest.raises(ValueError, match=message):
        found(KEYS[0], Normal(0.0, 1.0), log_density=log_density)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`n` must be an integer of at least 100"):
        found(KEYS[0], Uniform(0.0, 1.0), n=10)
    with pytest.raises(ValueError, match="`flow` must be unconditional"):
        found(KEYS[0], pf.flows.real_nvp(KEYS[0], 2, cond_dim=1, layers=1, hidden=(4,)))
