"""Fits of the distribution of parameters that nobody observed: estimators, what is learned, and what is refused."""

import sys
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import stats

import pushforward as pf
from pushforward._types import Condition, Event, Scalar
from pushforward.bijections import AbstractBijection, NormalCDF, TriangularAffine
from pushforward.distributions import Normal, Pushforward, StandardNormal
from pushforward.parallel import share
from pushforward.train import Debiased, LogMeanExp, NonFiniteError
from pushforward.train.objectives.source.log_marginal import Simulated

NOISE = 0.5
#: Of the posterior, with a standard normal prior.
SD = NOISE / np.sqrt(1 + NOISE**2)
QUICK: dict[str, Any] = {"progress": False, "max_epochs": 2, "estimator": LogMeanExp(16)}


def likelihood(x, theta):
    return stats.norm.logpdf(x, theta, NOISE).sum()


def observed(rng, n: int = 2000) -> np.ndarray:
    """Return events of parameters N(1, 0.7²), as they come: N(1, 0.7² + NOISE²)."""
    return 1 + 0.7 * rng.normal(size=(n, 1)) + NOISE * rng.normal(size=(n, 1))


def normal(dim: int = 1) -> Any:
    return Pushforward(StandardNormal((dim,)), TriangularAffine(jnp.zeros(dim), jnp.eye(dim)))


def channel(key, dim: int = 1) -> Any:
    """Return N(A theta + b, C), of the shape of a trained surrogate: its arrays must not be trained."""
    return pf.flows.real_nvp(key, dim, cond_dim=dim, layers=2, hidden=(8,))


@pytest.mark.parametrize("estimator", [Debiased(8), Debiased(8, terms="roulette")], ids=lambda e: e.terms)
def test_the_bias_is_gone(estimator):
    """Of a log mean of 8 draws it is -0.05 and -0.11 here; in closed form p(x) = N(x; 0, 1 + NOISE²)."""
    model = Simulated(normal(), likelihood, None)
    x = jnp.asarray([[0.0], [1.0]])

    def estimates(estimator: Any) -> np.ndarray:
        def one(key):
            return estimator(lambda key, draws: model.log_weights(x, key, draws), key)

        return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 10_000)))

    exact = np.asarray(stats.norm.logpdf(x[:, 0], 0, np.sqrt(1 + NOISE**2)))
    assert np.all(estimates(LogMeanExp(8)).mean(axis=0) - exact < np.array([-0.04, -0.08]))
    values = estimates(estimator)
    # 256 draws of the largest level leave a thirtieth of the bias.
    assert np.all(np.abs(values.mean(axis=0) - exact) < 0.005 + 4 * values.std(axis=0) / 100)


def test_a_proposal_is_weighted(rng):
    """With the posterior itself as the proposal there is no variance: one draw gives p(x)."""
    model = Simulated(normal(), likelihood, posterior())
    x = jnp.asarray(observed(rng, 5), jnp.float32)
    exact = stats.norm.logpdf(x[:, 0], 0, np.sqrt(1 + NOISE**2))
    np.testing.assert_allclose(model.log_weights(x, jax.random.key(0), 3), np.tile(exact[:, None], 3), atol=1e-5)


@final
class Shift(AbstractBijection):
    """theta = x / (1 + NOISE²) + sd z: makes the posterior of a standard normal prior of a normal base."""

    shape: tuple[int, ...] = eqx.field(static=True, default=(1,))
    cond_shape: tuple[int, ...] | None = eqx.field(static=True, default=(1,))

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return jnp.asarray(condition) / (1 + NOISE**2) + SD * z, jnp.log(SD)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return (x - jnp.asarray(condition) / (1 + NOISE**2)) / SD, -jnp.log(SD)


def posterior() -> Any:
    return Pushforward(StandardNormal((1,)), Shift())


@pytest.mark.parametrize("estimator", [LogMeanExp(256), Debiased(), Debiased(terms="roulette")], ids=repr)
def test_a_normal_source_is_found(key, rng, estimator):
    x = observed(rng)
    result = pf.fit_source(key, normal(), likelihood, x, estimator=estimator, learning_rate=1e-2, progress=False)
    draws = np.asarray(result.flow.sample(key, 20_000))
    # Within the error that 2000 observations leave, and that of validation rows.
    assert abs(draws.mean() - x.mean()) < 0.1
    assert abs(draws.std() - np.sqrt(x.var() - NOISE**2)) < 0.08


def test_a_proposal_learns_as_well(key, rng):
    x = observed(rng)
    result = pf.fit_source(key, normal(), likelihood, x, proposal=posterior(), learning_rate=1e-2, progress=False)
    draws = np.asarray(result.flow.sample(key, 20_000))
    assert abs(draws.mean() - x.mean()) < 0.1
    assert abs(draws.std() - np.sqrt(x.var() - NOISE**2)) < 0.08


def test_a_surrogate_stays_as_it_is(key, rng):
    surrogate = channel(key, 2)
    before = jax.tree.leaves(surrogate)
    result = pf.fit_source(key, normal(2), surrogate, rng.normal(size=(300, 2)), **QUICK)
    for a, b in zip(before, jax.tree.leaves(surrogate), strict=True):
        np.testing.assert_array_equal(a, b)
    assert jax.tree.structure(result.flow) == jax.tree.structure(normal(2))
    # A function of the same likelihood gives the same fit, up to rounding.
    again = pf.fit_source(key, normal(2), lambda x, t: surrogate.log_prob(x, t), rng.normal(size=(300, 2)), **QUICK)
    assert np.isfinite(again.history["train"]).all()


def test_checkpoint_goes_on_bit_for_bit(key, rng, tmp_path, monkeypatch):
    x = observed(rng, 300)
    settings = {**QUICK, "max_epochs": 3, "estimator": Debiased(4, 2)}
    whole = pf.fit_source(key, normal(), likelihood, x, **settings)
    loop = sys.modules["pushforward.train.loop.minimize"]
    run_epoch, calls = loop.run_epoch, []

    def interrupted(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_epoch(*args)

    monkeypatch.setattr(loop, "run_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt) as stopped:
        pf.fit_source(key, normal(), likelihood, x, checkpoint=tmp_path / "fit", **settings)
    assert "the same call goes on from there" in stopped.value.__notes__[0]
    monkeypatch.undo()
    rest = pf.fit_source(key, normal(), likelihood, x, checkpoint=tmp_path / "fit", **settings)
    assert rest.history == whole.history
    for a, b in zip(jax.tree.leaves(rest.flow), jax.tree.leaves(whole.flow), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="checkpoint"):
        pf.fit_source(key, normal(), lambda x, t: 2 * likelihood(x, t), x, checkpoint=tmp_path / "fit", **settings)


def test_devices_share_a_batch(key, rng, monkeypatch):
    x = observed(rng, 301)
    alone = pf.fit_source(key, normal(), likelihood, x, **QUICK)
    monkeypatch.setitem(share.TRAINING, "source", share.Share(1, 1))
    shared = pf.fit_source(key, normal(), likelihood, x, **QUICK)
    assert np.isfinite(shared.history["train"]).all()
    # Each device has draws of its own, so the fits differ by their noise.
    np.testing.assert_allclose(shared.history["train"], alone.history["train"], atol=0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "conditional"}, "`source` must be unconditional"),
        (
            {"surrogate": Normal(0.0, 1.0)},
            r"`surrogate` must be conditioned on theta, of the shape of the source, \(1,\)",
        ),
        ({"proposal": Normal(0.0, 1.0)}, r"`proposal` must be of shape \(1,\), conditioned on events of shape \(1,\)"),
        ({"x": np.full((5, 1), np.nan)}, "`x` must be finite"),
        (
            {"surrogate": lambda x, t: jnp.nan * t[0]},
            "`surrogate` must be a log-likelihood, finite or -inf; got `nan` at row",
        ),
        (
            {"surrogate": lambda x, t: jnp.where(x[0] > 1, -jnp.inf, 0.0)},
            "`x` must be explained by the source to begin from, of which 16 draws were tried; got",
        ),
        ({"val_fraction": 1.0}, "`val_fraction` must be from 0 to below 1"),
    ],
)
def test_refusals(key, rng, change, message):
    given = {"source": normal(), "surrogate": likelihood, "x": observed(rng, 50), **QUICK, **change}
    if given["source"] == "conditional":
        given["source"] = channel(key)
    with pytest.raises(ValueError, match=message):
        pf.fit_source(key, given.pop("source"), given.pop("surrogate"), given.pop("x"), **given)


def test_a_likelihood_that_becomes_nan_is_explained(key, rng):
    """Beyond what the first look at the start sees: the source moves there."""

    def nan_beyond(x, theta):
        return jnp.where(theta[0] > 4.5, jnp.nan, likelihood(x, theta))

    moved = Pushforward(StandardNormal((1,)), TriangularAffine(jnp.zeros(1), 0.5 * jnp.eye(1)))
    settings = {**QUICK, "max_epochs": 50, "learning_rate": 0.3, "max_skipped": 1}
    with pytest.raises(
        NonFiniteError, match=r"The log-likelihood is NaN or [+]inf at draws of the source, in row"
    ) as stop:
        pf.fit_source(key, moved, nan_beyond, 4 + observed(rng, 200), **settings)
    assert isinstance(stop.value.result.flow, Pushforward)


def test_the_likelihood_need_not_be_differentiable(key, rng):
    def rounded(x, theta):
        return jax.lax.stop_gradient(likelihood(x, jnp.round(theta, 2)))

    x = observed(rng)
    found = pf.fit_source(key, normal(), rounded, x, learning_rate=1e-2, progress=False).flow.sample(key, 20_000)
    assert abs(found.mean() - x.mean()) < 0.1


def test_a_source_on_a_support_starts_uniform(key):
    source = pf.adapt.constrain(pf.flows.nsf(key, 2, layers=2, hidden=(8,)), NormalCDF((2,), -3.0, 3.0))
    at = np.asarray([[0.0, 0.0], [2.9, -2.9], [-1.0, 2.0]])
    np.testing.assert_allclose(source.log_prob(at), -2 * np.log(6), atol=1e-4)
