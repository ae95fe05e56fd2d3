"""Couplings and autoregressive maps where others break; the packages are named."""

import jax
import jax.numpy as jnp
import numpy as np

from pushforward import bijections as b
from pushforward import univariate as u
from pushforward.networks import MLPSettings

from ..cases import randomize
from ..conftest import SEED

KEY = jax.random.key(SEED)


def test_gradient_with_respect_to_the_condition_goes_through_both_directions():
    """A condition given by keyword to a custom derivative, or cut off, has no gradient (flowjax)."""
    bijection = b.Autoregressive.mlp(KEY, u.Affine(), 3, cond_dim=2, network=MLPSettings((8,)))
    bijection = randomize(bijection, KEY, 1.0)
    event, condition = jnp.ones(3), jnp.ones(2)
    for go in (bijection.forward, bijection.inverse):
        gradient = jax.grad(lambda c, go=go: go(event, c).sum())(condition)
        assert np.all(np.asarray(gradient) != 0)


def test_inverse_has_no_search_interval():
    """Bisection on [-10, 10] (zuko) or ±20 (nflows) saturates silently beyond it."""
    bijection = randomize(b.Autoregressive.mlp(KEY, u.Affine(), 3, network=MLPSettings((8,))), KEY, 1.0)
    for size in (1e2, 1e4, 1e6):
        z = jnp.asarray([size, -size, size])
        np.testing.assert_allclose(bijection.inverse(bijection.forward(z)), z, rtol=1e-9)


def test_coupling_does_not_evaluate_what_passes_through():
    """A map evaluated on the elements that a mask then discards: NaN gradients through `where` (distrax)."""
    bijection = randomize(b.Coupling.mlp(KEY, u.Affine(), 4, network=MLPSettings((8,))), KEY, 1.0)
    huge = jnp.asarray([1e-30, 1e-30, 1.0, 1.0])
    gradient = jax.grad(lambda z: bijection.forward_and_log_det(z)[1])(huge)
    assert np.all(np.isfinite(gradient))
