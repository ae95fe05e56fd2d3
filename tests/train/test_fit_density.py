"""Fits to a density known up to a constant: where it is found, what is learned, and what is refused."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import stats

import pushforward as pf
from pushforward.bijections import Chain, Exp, Identity, Sigmoid
from pushforward.distributions import MultivariateNormal, Pushforward
from pushforward.distributions.tail import split_tail, through
from pushforward.train import FAB, AlphaDivergence, ForwardKL, NonFiniteError, ReverseKL
from pushforward.train.loop import minimize as loop
from pushforward.train.objectives.density import _base
from pushforward.train.rows.batch import Batch

from .helpers import gaussian

SMALL: dict[str, Any] = {"layers": 2, "hidden": (16,)}
FEW: dict[str, Any] = {"steps": 100, "batch_size": 128, "learning_rate": 5e-3, "progress": False}

#: A mean of 500 with a standard deviation of 0.01 beside one of 0 with 30, and a correlation of 0.99.
LOC = np.array([500.0, 0.0, -3.0])
SCALE = np.array([0.01, 30.0, 2.0])
CORRELATION = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.99], [0.0, 0.99, 1.0]])


def far(x):
    white = jax.scipy.linalg.solve_triangular(np.linalg.cholesky(CORRELATION), (x - LOC) / SCALE, lower=True)
    return -0.5 * jnp.sum(white**2)


def banana(x):
    return stats.norm.logpdf(x[0]) + stats.norm.logpdf(x[1], x[0] ** 2, 0.5)


def flow(key, dim: int = 2) -> Any:
    return pf.flows.real_nvp(key, dim, **SMALL)


def ess(key, fitted: Pushforward, log_density: Any) -> float:
    return pf.evaluate.importance(key, fitted, log_density, 4000).ess / 4000


def test_location_scale_and_correlation_are_found_by_themselves(key):
    result = pf.fit_density(key, flow(key, 3), far, **{**FEW, "steps": 1})
    draws = np.asarray(result.flow.sample(jax.random.key(1), 20_000), np.float64)
    np.testing.assert_allclose((draws.mean(axis=0) - LOC) / SCALE, 0, atol=0.05)
    np.testing.assert_allclose(draws.std(axis=0) / SCALE, 1, atol=0.03)
    np.testing.assert_allclose(np.corrcoef(draws.T), CORRELATION, atol=0.02)
    found = pf.evaluate.importance(key, result.flow, far, 4000)
    assert found.ess > 0.97 * 4000
    exact = np.log(SCALE).sum() + 0.5 * np.linalg.slogdet(2 * np.pi * CORRELATION)[1]
    assert abs(found.log_z - exact) < 0.02


def test_all_modes_found_count_in_the_start(key):
    def log_density(x):
        return jnp.logaddexp(-0.5 * jnp.sum((x - 6) ** 2), -0.5 * jnp.sum((x + 6) ** 2))

    started = pf.fit_density(key, flow(key), log_density, **{**FEW, "steps": 1}).flow
    draws = np.asarray(started.sample(key, 20_000))
    np.testing.assert_allclose(np.cov(draws.T), [[37, 36], [36, 37]], rtol=0.1)


def test_density_without_a_mode_is_started_where_its_mass_is(key):
    # log p grows without bound towards s -> -inf, where there is next to no mass.
    def funnel(x):
        return stats.norm.logpdf(x[0], 0, 1) + stats.norm.logpdf(x[1:], 0, jnp.exp(x[0] / 2)).sum() + 20 * (x[0] < -30)

    started = pf.fit_density(key, flow(key, 6), funnel, **{**FEW, "steps": 1}).flow
    s = np.asarray(started.sample(key, 2000))[:, 0]
    assert -3 < s.mean() < 1
    assert 0.3 < s.std() < 3


@pytest.mark.parametrize(
    "objective", [ReverseKL(), ReverseKL("total"), ForwardKL(), AlphaDivergence(2.0)], ids=lambda o: repr(o)
)
def test_objectives_improve_on_the_start(key, objective):
    settings = {**FEW, "steps": 900}
    start = ess(key, pf.fit_density(key, flow(key), banana, **{**FEW, "steps": 1}).flow, banana)
    result = pf.fit_density(key, flow(key), banana, objective=objective, **settings)
    assert ess(key, result.flow, banana) > 0.5 > 0.2 > start
    assert result.skipped_steps == 0
    assert len(result.history["train"]) == 18


def test_fab_finds_modes_that_are_not_drawn(key):
    def log_density(x):
        return jax.nn.logsumexp(jnp.array([-0.5 * jnp.sum((x - c) ** 2) for c in (-7.0, 0.0, 7.0)]))

    # A flow that begins in the mode of the middle: what is not drawn is not known.
    begin = Pushforward(flow(key).base, Chain(flow(key).bijection.bijections[:1]))
    fab = FAB(chains=256, temperatures=8, kept=5)
    settings = {**FEW, "steps": 800, "learning_rate": 1e-2}
    shares = {}
    for name, objective in {"fab": fab, "reverse": ReverseKL()}.items():
        fitted = pf.fit_density(key, begin, log_density, objective=objective, **settings).flow
        draws = np.asarray(fitted.sample(key, 4000)).mean(axis=1)
        shares[name] = [float(np.mean(np.abs(draws - c) < 3)) for c in (-7.0, 0.0, 7.0)]
    assert min(shares["reverse"]) < 0.01
    assert min(shares["fab"]) > 0.1


def test_fab_anneals_unless_told_not_to(key, monkeypatch):
    """Events are carried to the flatter density, too: without, modes were lost before the density was sharp."""
    powers = []

    def spy(self, flow, target, power, memory, key):
        jax.debug.callback(lambda p: powers.append(float(p)), power)
        return renew(self, flow, target, power, memory, key)

    renew = FAB.renew
    monkeypatch.setattr(FAB, "renew", spy)
    for settings, expected in {(): [0.01, 0.51, 1.0, 1.0], (("annealing", 0.0),): [1.0] * 4}.items():
        powers.clear()
        fab = FAB(chains=64, kept=2)
        pf.fit_density(key, flow(key), banana, objective=fab, **{**FEW, "steps": 40, **dict(settings)})
        jax.effects_barrier()
        np.testing.assert_allclose(powers, expected, rtol=1e-5)


def test_events_of_the_buffer_are_weighted_for_the_power_of_now(key):
    def log_p(x):
        return -0.5 * jnp.sum((x / 3.0) ** 2, axis=-1)

    fab, q = FAB(chains=512, temperatures=1, kept=2), gaussian()
    keys, memory = jax.random.split(key), fab.start((2,), np.float32)
    for k, power in zip(keys, (0.25, 1.0), strict=True):
        memory = fab.renew(q, log_p, jnp.asarray(power), memory, k)
    # One transition: the weights are those of draws of q. Of the first half, only log p at the end is kept.
    old = slice(0, 512)
    first = fab.renew(q, log_p, jnp.asarray(0.25), fab.start((2,), np.float32), keys[0])
    np.testing.assert_array_equal(memory.x[old], first.x[512:])
    np.testing.assert_allclose(memory.log_p[old], log_p(first.x[512:]), rtol=1e-4, atol=1e-5)
    change = memory.log_weight[old] - first.log_weight[512:]
    np.testing.assert_allclose(change, 1.5 * log_p(first.x[512:]), rtol=1e-3, atol=1e-4)


def test_path_gradient_vanishes_where_the_flow_is_exact(key):
    exact = gaussian()
    params, rest = eqx.partition(exact, eqx.is_inexact_array)

    def gradient(objective, seed):
        def loss(params):
            log_p = jax.vmap(lambda x: stats.norm.logpdf(x).sum())
            batch = Batch(jnp.full(64, 1 / 64))
            return objective.loss(eqx.combine(params, rest), log_p, batch, jax.random.key(seed))

        return np.concatenate([np.ravel(g) for g in jax.tree.leaves(jax.grad(loss)(params))])

    np.testing.assert_allclose(gradient(ReverseKL("path"), 0), 0, atol=1e-5)
    assert np.abs(gradient(ReverseKL("total"), 0)).max() > 0.01
    mean = np.mean([gradient(ReverseKL("total"), seed) for seed in range(100)], axis=0)
    np.testing.assert_allclose(mean, 0, atol=0.06)


@pytest.mark.parametrize("objective", [ReverseKL(), AlphaDivergence()], ids=["reverse", "alpha"])
def test_accumulated_gradient_is_that_of_the_whole_batch(key, monkeypatch, objective):
    params, rest = eqx.partition(flow(key), eqx.is_inexact_array)
    x = jax.random.normal(key, (100, 2))

    def gradient():
        def loss(params):
            def f(key, weight, x):
                return _base.weighted_sum(weight, eqx.combine(params, rest).log_prob(x))

            return _base.accumulated(f, key, jnp.full(100, 0.01), x)

        return jax.grad(loss)(params)

    whole = gradient()
    monkeypatch.setattr(_base, "AT_ONCE", 30)
    pieces = gradient()
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(pieces), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    # And a loss of a large batch is estimated in pieces.
    batch = Batch(jnp.full(100, 0.01))
    value = objective.loss(eqx.combine(params, rest), jax.vmap(banana), batch, key)
    assert np.isfinite(float(value))


def test_annealing_begins_with_a_flat_density(key):
    def loss_of(annealing):
        return pf.fit_density(key, flow(key), far_and_flat, annealing=annealing, **FEW).history["train"][0]

    def far_and_flat(x):
        return -0.5 * jnp.sum(x**2) - 1000.0

    # Of E[log q - b log p] the constant shows b: small at first with annealing, 1 without.
    assert loss_of(1.0) < 300 < 900 < loss_of(0.0)


def test_support_is_kept_and_the_fit_is_made_in_front_of_it(key):
    def log_density(x):
        return stats.gamma.logpdf(x[0], 2.0) + stats.beta.logpdf(x[1], 2.0, 5.0)

    from pushforward.bijections import Concatenate

    inner = flow(key)
    support = Concatenate([Exp((1,)), Sigmoid((1,))])
    constrained = Pushforward(inner.base, Chain([inner.bijection, support]))
    core, tail = split_tail(constrained)
    assert [type(part).__name__ for part in tail] == ["Whiten", "Standardize", "TukeyH", "Concatenate"]
    x, log_det = through(tail, core.sample(key))
    assert np.isfinite(x).all()
    assert np.isfinite(float(log_det))
    result = pf.fit_density(key, constrained, log_density, **{**FEW, "steps": 300})
    found = pf.evaluate.importance(key, result.flow, log_density, 4000)
    assert found.ess > 0.9 * 4000
    assert abs(found.log_z) < 0.03
    assert (found.draws[:, 0] > 0).all()
    assert ((found.draws[:, 1] > 0) & (found.draws[:, 1] < 1)).all()


def assert_same(a, b):
    assert (a.history, a.best_epoch, a.skipped_steps) == (b.history, b.best_epoch, b.skipped_steps)
    assert eqx.tree_equal(a.flow, b.flow)


@pytest.mark.parametrize("objective", [ReverseKL(), FAB(chains=64, kept=2)], ids=["reverse", "fab"])
def test_interrupted_then_resumed(key, tmp_path, monkeypatch, objective, density_devices):
    settings = {**FEW, "objective": objective, "steps": 4 * objective.epoch}
    whole = pf.fit_density(key, flow(key), banana, **settings)

    def interrupt(bar, history, *rest):
        if len(history["train"]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "show_epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pf.fit_density(key, flow(key), banana, checkpoint=tmp_path / "c", **settings)
    monkeypatch.undo()
    assert_same(pf.fit_density(key, flow(key), banana, checkpoint=tmp_path / "c", **settings), whole)
    with pytest.raises(ValueError, match="a fit that differs in log_density"):
        pf.fit_density(key, flow(key), far_from(banana), checkpoint=tmp_path / "c", **settings)


def far_from(log_density):
    return lambda x: log_density(x - 1.0)


def nan_right(x):
    return jnp.where(x[0] > 0.5, jnp.nan, -0.5 * jnp.sum(x**2))


def infinite_right(x):
    return jnp.where(x[0] > 0.5, jnp.inf, -0.5 * jnp.sum(x**2))


def zero_right(x):
    return jnp.where(x[0] > 0.5, -jnp.inf, -0.5 * jnp.sum(x**2))


def raising(x):
    raise RuntimeError("no such thing")


@pytest.mark.parametrize(
    ("log_density", "message"),
    [
        (lambda x: jnp.nan * x[0], "must be finite somewhere near zero"),
        (lambda x: -(x**2), r"must be a function that returns one real number; got `shape \(2,\), float..`"),
        (lambda x: (x[0], x[1]), "must be a function that returns one real number"),
        (lambda x: float(np.sin(np.asarray(x)).sum()), "must be made of JAX operations.*jax.numpy"),
    ],
)
def test_bad_log_densities_are_refused(key, log_density, message):
    with pytest.raises(ValueError, match=message):
        pf.fit_density(key, flow(key), log_density, **FEW)


def test_an_error_of_the_log_density_is_passed_on_with_a_note(key):
    with pytest.raises(RuntimeError, match="no such thing") as caught:
        pf.fit_density(key, flow(key), raising, **FEW)
    assert any("`log_density`" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("log_density", "shown"),
    [(nan_right, "(NaN|nan)"), (infinite_right, r"\+?inf"), (zero_right, "-inf")],
    ids=["nan", "inf", "zero"],
)
def test_densities_that_are_not_finite_somewhere_give_no_flow(key, log_density, shown):
    # In front of the location, that is at the start, and behind it, which looks for a better place first.
    bare = Pushforward(flow(key).base, Chain(flow(key).bijection.bijections[:1]))
    with pytest.raises(ValueError, match=rf"`log_density` must be finite.*got `{shown} at .* It is so at x = \["):
        pf.fit_density(key, bare, log_density, **FEW)
    with pytest.raises((ValueError, NonFiniteError), match=rf"`log_density`.*{shown} at"):
        pf.fit_density(key, flow(key), log_density, **{**FEW, "steps": 1000})


def test_zeros_are_fine_where_draws_are_weighted(key):
    bare = Pushforward(flow(key).base, Chain(flow(key).bijection.bijections[:1]))
    result = pf.fit_density(key, bare, zero_right, objective=ForwardKL(), **{**FEW, "steps": 300})
    assert result.skipped_steps == 0
    # The normal distribution that it starts from has 0.16 there.
    assert np.mean(np.asarray(result.flow.sample(key, 2000))[:, 0] > 1.0) < 0.08


def test_what_turns_bad_on_the_way_is_explained(key):
    # The value is finite, but the branch that is not taken has the gradient 0 / 0.
    def log_density(x):
        return -0.5 * jnp.sum(x**2) - jnp.where(x[0] > 1.0, jnp.sqrt(x[0] - 1.0), 0.0)

    begin = Pushforward(flow(key).base, Chain(flow(key).bijection.bijections[:1]))
    with pytest.raises(NonFiniteError, match=r"gradient of `log_density` is not finite at .* draws, first at x ="):
        pf.fit_density(key, begin, log_density, **FEW)


def test_other_precision_is_cast(key):
    with jax.enable_x64(True):
        result = pf.fit_density(key, flow(key), lambda x: banana(x.astype(jnp.float64)), **FEW)
        assert {leaf.dtype for leaf in jax.tree.leaves(result.flow) if eqx.is_inexact_array(leaf)} == {
            leaf.dtype for leaf in jax.tree.leaves(flow(key)) if eqx.is_inexact_array(leaf)
        }
    half = pf.fit_density(key, flow(key), lambda x: banana(x).astype(jnp.bfloat16), **FEW)
    assert half.skipped_steps == 0


def test_modules_that_hold_arrays_are_log_densities(key):
    target = MultivariateNormal(np.ones(2), np.array([[1.0, 0.5], [0.5, 2]]))
    result = pf.fit_density(key, gaussian(), eqx.Partial(lambda d, x: d.log_prob(x), target), **FEW)
    np.testing.assert_allclose(np.asarray(result.flow.sample(key, 4000)).mean(axis=0), 1, atol=0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "`steps` must be a positive integer; got 0."),
        ({"annealing": 2.0}, "`annealing` must be from 0 to 1; got 2.0."),
        ({"learning_rate": -1.0}, "`learning_rate` must be positive and finite"),
    ],
)
def test_bad_settings_are_refused(key, change, message):
    with pytest.raises(ValueError, match=message):
        pf.fit_density(key, flow(key), banana, **{**FEW, **change})


def test_other_flows_are_refused(key):
    with pytest.raises(ValueError, match="`flow` must be unconditional"):
        pf.fit_density(key, pf.flows.real_nvp(key, 2, cond_dim=1, **SMALL), banana, **FEW)
    for make, message in {
        lambda: AlphaDivergence(0.0): "alpha",
        lambda: FAB(chains=0): "chains",
    }.items():
        with pytest.raises(ValueError, match=message):
            make()


def test_flow_without_a_tail_is_fitted_where_it_is(key):
    begin = Pushforward(flow(key).base, Chain(flow(key).bijection.bijections[:1]))
    assert split_tail(begin)[1] == ()
    only = Pushforward(begin.base, Identity((2,)))
    assert split_tail(only)[1] == ()
    assert ess(key, pf.fit_density(key, begin, banana, **FEW).flow, banana) > 0.15
