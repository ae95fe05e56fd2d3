"""The affine map where others break: the docstring names what breaks, and in which package it was seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import univariate as u

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@each_dtype
def test_bounded_log_scale_keeps_its_gradient(dtype: str):
    """A clamped log-scale has no gradient (nflows coupling.py:225), an unbounded one overflows (normflows)."""
    affine = u.Affine()
    raw = jnp.asarray([-1e4, -50.0, 0.0, 50.0, 1e4], dtype)

    def log_scale(raw: jax.Array) -> jax.Array:
        return affine.forward_and_log_derivative(jnp.ones((), dtype), jnp.stack([jnp.zeros((), dtype), raw]))[1]

    slope = jax.vmap(jax.grad(log_scale))(raw)
    assert np.all(np.asarray(slope) > 0)
    assert np.all(np.abs(jax.vmap(log_scale)(raw)) <= affine.max_log_scale)
