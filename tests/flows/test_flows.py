"""Flows where others break: each docstring names what breaks, and in which package it was seen."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward._fields import trainable

from ..cases import cast, randomize
from ..conftest import SEED

KEY = jax.random.key(SEED)


@pytest.mark.parametrize("make", [pf.flows.maf, pf.flows.iaf, pf.flows.nice, pf.flows.real_nvp])
@pytest.mark.parametrize("cond_dim", [0, 2])
def test_one_dimension(make: Any, cond_dim: int):
    """The modulus by dim - 1 in the degrees of a masked network is zero for one element (flowjax)."""
    flow = randomize(make(KEY, 1, cond_dim=cond_dim, layers=2, hidden=(4,)), KEY, 1.0)
    condition = np.ones(cond_dim) if cond_dim else None
    x, log_prob = flow.sample_and_log_prob(KEY, (3,), condition)
    np.testing.assert_allclose(flow.log_prob(x, condition), log_prob, rtol=1e-9)


def test_inputs_are_not_changed():
    """A shift applied in place to the caller's tensor (normflows); in-place knots (nflows)."""
    x = np.array([0.5, -0.5, 2.0])
    kept = x.copy()
    flow = randomize(pf.flows.real_nvp(KEY, 3, layers=1, hidden=(4,)), KEY, 1.0)
    flow.log_prob(x)
    flow.bijection.forward(x)
    np.testing.assert_array_equal(x, kept)


def test_a_result_does_not_depend_on_its_batch_mates():
    """An error norm or a step size taken over the whole batch couples its rows (zuko, flowjax root finding)."""
    flow = randomize(pf.flows.maf(KEY, 3, layers=2, hidden=(8,)), KEY, 1.0)
    x = np.random.default_rng(SEED).standard_normal((5, 3))
    wild = np.concatenate([x, np.full((1, 3), 1e6), np.full((1, 3), np.nan)])
    np.testing.assert_allclose(flow.log_prob(wild)[:5], flow.log_prob(x), rtol=1e-12)


@pytest.mark.parametrize("make", [pf.flows.nsf, pf.flows.maf, pf.flows.real_nvp], ids=lambda make: make.__name__)
def test_a_row_far_out_leaves_the_gradient_usable(make: Any):
    """One wrong cell, 110 standard deviations out, amplified by each layer: a gradient whose square overflows.

    Optimizers square gradients, so that every batch with this row would be skipped, and the row never learned. (Seen
    here: a wind speed of 1048 mph in the weather table.)
    """
    for seed in range(3):
        flow = randomize(make(jax.random.key(seed), 4, hidden=(64, 64)), jax.random.key(seed + 10), 1.0)
        params, static = eqx.partition(cast(flow, "float32"), trainable(flow))

        @jax.jit
        def squares(params: Any, x: jax.Array, static: Any = static) -> jax.Array:
            grads = jax.grad(lambda params: eqx.combine(params, static).log_prob(x))(params)
            return jnp.sum(jnp.stack([jnp.vdot(g, g) for g in jax.tree.leaves(grads)]))

        assert squares(params, jnp.full(4, 110.0, jnp.float32)) < 1e30
