"""Importance weights say whether a flow is the density, and correct it."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import stats

import pushforward as pf
from pushforward.distributions import Mixture, MultivariateNormal, Normal, Pushforward, StandardNormal, Uniform

from .models import Bent

KEYS = jax.random.split(jax.random.key(0), 100)


def target(x):
    return stats.norm.logpdf(x) + 1.0


def found(key, q, n=2000, log_density=target, searches=0):
    return pf.evaluate.importance(key, q, log_density, n, searches=searches)


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


def normals(places, scale):
    places = np.asarray(places, np.float32)
    return Mixture([MultivariateNormal(place, scale**2 * np.eye(len(place), dtype=np.float32)) for place in places])


def assert_missed(result, share):
    """The weights see nothing, the search does."""
    assert "can be trusted" in replace(result, missed=0.0).verdict
    assert "do not trust the fit" in result.verdict
    assert "where the flow makes no draws" in result.verdict
    assert result.missed == pytest.approx(share, abs=max(0.03, 4 * result.missed_error))


def test_a_mode_that_the_reverse_kl_has_lost_is_found(key):
    places = np.array([[0.0, 0.0], [12.0, 3.0]], np.float32)

    def two(x):
        return jax.nn.logsumexp(-0.5 * jnp.sum((x - places) ** 2, axis=-1)) - 0.05 * jnp.sum(jnp.cos(x))

    flow: Any = pf.flows.nsf(key, 2, wiring="coupling", layers=2, hidden=(16,), bins=4)
    # Without its maps that are set from modes, it begins in the mode at zero.
    begin = Pushforward(flow.base, flow.bijection.bijections[0])
    fitted = pf.fit_density(key, begin, two, steps=100, batch_size=128, progress=False).flow
    result = found(KEYS[0], fitted, 4000, two, searches=28)
    assert_missed(result, 0.5)
    np.testing.assert_allclose(result.missed_at[0], [12, 3], atol=0.2)
    assert "around x = [12, " in result.verdict


def test_half_of_many_wells_is_found():
    """Five double wells: all modes on the right of the first, 16 of 32."""

    def well(x):
        return -(x**4) + 6 * x**2 + 0.5 * x

    sides = (np.arange(16)[:, None] >> np.arange(4)) & 1
    places = np.zeros((16, 10), np.float32)
    places[:, 0], places[:, 1:5] = 1.75, np.where(sides, 1.75, -1.71)
    covariance = np.diag([0.045] * 5 + [1.0] * 5).astype(np.float32)
    right = np.exp(well(np.linspace(0, 5, 10_001))).sum() / np.exp(well(np.linspace(-5, 5, 20_001))).sum()
    weights = np.where(sides, right, 1 - right).prod(axis=1)
    q = Mixture([MultivariateNormal(place, covariance) for place in places], weights)
    result = found(KEYS[0], q, 10_000, lambda x: well(x[:5]).sum() - 0.5 * jnp.sum(x[5:] ** 2), searches=56)
    assert result.khat < 0.7
    assert "where the flow makes no draws" in result.verdict
    # What is found is there; half of the modes is what is missed, of 15 % of the mass.
    assert 0.05 < result.missed < 1 - right + 4 * result.missed_error


def test_a_mode_on_a_bounded_support_is_found():
    onto = pf.bijections.Exp((1,))

    def on_positive(x):
        return jnp.logaddexp(*(stats.norm.logpdf(jnp.log(x[0]), m, 0.3) for m in (0.0, 6.0))) - jnp.log(x[0])

    q = Pushforward(StandardNormal((1,)), pf.bijections.Chain([pf.bijections.Standardize([0.0], [0.3]), onto]))
    assert_missed(found(KEYS[0], q, 4000, on_positive, searches=28), 0.5)


def funnel(wide):
    return Bent(first=1.5, loc=lambda x: 0.0, scale=lambda x: jnp.exp(x / 2), shape=(5,), wide=wide)


def banana(wide):
    return Bent(first=1.0, loc=lambda x: x**2, scale=lambda x: 0.5, shape=(2,), wide=wide)


RING = 5 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)
#: Densities as flows that are right, and those that are somewhat wide: their weights vary.
COVERED = {
    "normal": lambda wide: MultivariateNormal(
        np.array([500.0, -3.0]), wide**2 * np.array([[1.0, 1.9], [1.9, 4.0]], np.float32)
    ),
    "banana": banana,
    "funnel": funnel,
    "eight normals": lambda wide: normals(RING, 0.7 * wide),
}


@pytest.mark.parametrize("wide", [1.0, 1.15])
@pytest.mark.parametrize("name", COVERED)
def test_no_mass_is_missed_by_a_flow_that_is_right(name, wide):
    q, p = COVERED[name](wide), COVERED[name](1.0)
    for key in KEYS[:5]:
        result = found(key, q, 4000, p.log_prob, searches=28)
        assert result.missed < 0.005
        assert "can be trusted" in result.verdict


def test_a_mode_without_mass_is_none_that_is_missed():
    def log_density(x):
        return jnp.logaddexp(-0.5 * jnp.sum(x**2), -8.0 - 0.5 * jnp.sum((x - 20.0) ** 2))

    q = MultivariateNormal(np.zeros(2), np.eye(2))
    result = found(KEYS[0], q, 4000, log_density, searches=28)
    assert result.missed == pytest.approx(np.exp(-8.0), rel=0.2)
    np.testing.assert_allclose(result.missed_at, [[20.0, 20.0]], atol=0.01)
    assert "can be trusted" in result.verdict


def test_without_derivatives_or_continuous_events_there_is_no_search():
    def without(x):
        return jax.pure_callback(
            lambda x: np.float32(-0.5 * np.square(x).sum()), jax.ShapeDtypeStruct((), "f4"), x, vmap_method="sequential"
        )

    result = found(KEYS[0], Normal(0.0, 1.0), 200, without, searches=7)
    assert np.isnan(result.missed)
    assert "nearly exact" in result.verdict
    assert np.isnan(found(KEYS[0], Normal(0.0, 1.0)).missed)
    with pytest.raises(ValueError, match="`searches` must be an integer of at least 0; got -1"):
        found(KEYS[0], Normal(0.0, 1.0), searches=-1)


def test_few_draws_that_outweigh_all_others_are_not_trusted():
    result = found(KEYS[0], Normal(0.0, 1.0), 10_000)
    weights = np.zeros(10_000)
    weights[:4] = 12.0
    ess = np.exp(weights).sum() ** 2 / np.exp(2 * weights).sum()
    assert "a few draws outweigh all others" in replace(result, log_weights=weights, ess=ess, khat=0.4).verdict


def test_weights_equal_up_to_rounding_have_no_tail():
    """A tail of ties divided by zero."""
    result = found(KEYS[0], Normal(0.0, 1.0), 10_000, lambda x: target(x) + 1e-5 * jnp.round(jnp.sin(1e4 * x)))
    assert "nearly exact" in result.verdict
