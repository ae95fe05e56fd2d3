"""The contracts of what a fit can minimize."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.distributions import Normal
from pushforward.train.objectives.density._base import AbstractReplayObjective
from pushforward.train.rows.batch import Batch
from pushforward.train.rows.rows import Rows

from ..cases import Case
from ..cases.objectives import ESTIMATORS, OBJECTIVES, OF_DATA, OF_DENSITIES, ROWS
from ..conftest import SEED

KEY = jax.random.key(SEED)
CONDITION = np.random.default_rng(SEED).standard_normal((12, 2)).astype(np.float32)

of_data = pytest.mark.parametrize("case", OF_DATA, ids=lambda case: case.name)
of_densities = pytest.mark.parametrize("case", OF_DENSITIES, ids=lambda case: case.name)
estimators = pytest.mark.parametrize("case", ESTIMATORS, ids=lambda case: case.name)


def _prepared(case: Case) -> tuple[Any, Any]:
    flow = pf.flows.real_nvp(KEY, 2, cond_dim=2, layers=1, hidden=(4,))
    objective = case.make(KEY)
    objective.check(flow, Rows(ROWS, CONDITION))
    return objective.prepare(flow)


def _batch(rows: slice = slice(None), padding: int = 0) -> Batch:
    weight = np.full(len(ROWS[rows]), 1 / len(ROWS), np.float32)
    x, condition = ROWS[rows], CONDITION[rows]
    repeated = np.arange(len(x) + padding) % len(x)
    return Batch(np.concatenate([weight, np.zeros(padding, np.float32)]), x[repeated], condition[repeated])


@pytest.mark.parametrize("case", OBJECTIVES, ids=lambda case: case.name)
def test_equal_settings_share_a_program(case: Case):
    """What a step is compiled for is compared by value, so that a second fit need not compile again."""
    one, other = (_prepared(case)[1] if case in OF_DATA else case.make(KEY) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)


@of_data
def test_the_loss_is_that_of_its_rows(case: Case):
    """Padding adds nothing, and where nothing is random the loss is the weighted sum of the rows' losses."""
    model, objective = _prepared(case)
    losses = np.asarray(objective.row_losses(model, _batch(), KEY))
    assert losses.shape == (len(ROWS),)
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(losses, objective.row_losses(model, _batch(), KEY))
    # A batch may be shared among devices: a row's loss is its own, whatever rows stand beside it.
    if not objective.noisy:
        halves = [objective.row_losses(model, _batch(part), KEY) for part in (slice(0, 6), slice(6, None))]
        np.testing.assert_allclose(np.concatenate(halves), losses, rtol=1e-5)
    value, slope = jax.value_and_grad(lambda w: objective.loss(model, Batch(w, *_rows(_batch(padding=4))), KEY))(
        jnp.asarray(_batch(padding=4).weight)
    )
    assert np.isfinite(value)
    # The loss is linear in the weights: its slope is the loss of each row.
    np.testing.assert_allclose(value, np.sum(np.asarray(slope) * _batch(padding=4).weight), rtol=1e-5)
    if objective == pf.train.MaximumLikelihood():
        np.testing.assert_allclose(slope[: len(ROWS)], losses, rtol=1e-5)


@of_data
def test_it_is_trained_and_taken_apart(case: Case):
    model, objective = _prepared(case)
    grads = jax.grad(lambda m: objective.loss(m, _batch(), KEY))(jax.tree.map(jnp.asarray, model))
    leaves = jax.tree.leaves(grads)
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    assert any(np.any(leaf != 0) for leaf in leaves)
    flow, noise = objective.finish(model)
    assert isinstance(flow, pf.Pushforward)
    assert (noise is not None) == (model is not flow)
    assert isinstance(objective.explain(model, _batch(), np.arange(len(ROWS))), str)
    # Before it is prepared it says what events a flow will see.
    assert case.make(KEY).start_events(jnp.asarray(ROWS), KEY).shape == ROWS.shape
    assert repr(objective.settings) == repr(_prepared(case)[1].settings)


@of_densities
def test_the_slope_vanishes_at_the_target(case: Case):
    """At q = p a step of many draws hardly moves q; away from it, downhill is towards p."""
    objective, n = case.make(KEY), 4000

    def batch(flow: Any, log_p: Any) -> Batch:
        weights = jnp.full(n, 1 / n, "float32")
        if not isinstance(objective, AbstractReplayObjective):
            return Batch(weights)
        memory = objective.start((2,), np.float32)
        for i in range(3):
            memory = objective.renew(flow, log_p, jnp.ones(()), memory, jax.random.fold_in(KEY, i))
        drawn = objective.draw(memory, np.random.default_rng(SEED), Batch(weights[None]))
        return jax.tree.map(lambda a: jnp.asarray(a)[0], drawn)

    def slope(loc: float) -> np.ndarray:
        def log_p(x: Any) -> Any:
            return -0.5 * jnp.sum((x - loc) ** 2, axis=-1)

        flow = Normal(jnp.zeros(2, "float32"), jnp.ones(2, "float32"))
        given = batch(flow, log_p)
        return np.asarray(jax.grad(lambda f: objective.loss(f, log_p, given, KEY))(flow).loc)

    assert np.abs(slope(0.0)).max() < 0.1
    assert np.all(slope(0.5) < -0.1)
    assert np.all(slope(-0.5) > 0.1)


@estimators
def test_an_estimate_of_constant_weights_is_exact(case: Case):
    estimator = case.make(KEY)
    asked: list[int] = []

    def log_weights(key: Any, draws: int) -> Any:
        asked.append(draws)
        return jnp.broadcast_to(jnp.array([[-1.0], [2.0]]), (2, draws))

    np.testing.assert_allclose(estimator(log_weights, KEY), [-1.0, 2.0], rtol=1e-6)
    assert 0 < max(asked) <= estimator.most_draws


@estimators
def test_an_estimate_is_right_on_average(case: Case):
    """log E[w] = 1/2 for log w ~ N(0, 1); the plain estimate of K draws is about Var[w] / (2 K E[w]²) below it."""
    estimator = case.make(KEY)

    def log_weights(key: Any, draws: int) -> Any:
        return jax.random.normal(key, (1, draws))

    estimates = jax.vmap(lambda key: estimator(log_weights, key))(jax.random.split(KEY, 4000))
    error = np.std(estimates) / np.sqrt(4000)
    bias = (np.e - 1) / 2 / estimator.most_draws
    assert abs(np.mean(estimates) - 0.5) < 2 * bias + 4 * error


def _rows(batch: Batch) -> tuple[Any, Any]:
    return batch.x, batch.condition
