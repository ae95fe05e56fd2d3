"""Linear maps where others break: each docstring names what breaks, and in which package it was seen."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from pushforward import bijections as b
from pushforward._fields import trainable

from ..conftest import SEED

KEY = jax.random.key(SEED)


def test_log_det_sums_over_dimensions_and_scales():
    """log(scale ** dim) and log(1 / prod(scale)) overflow (pzflow, normflows); a mean, not a sum (TarFlow)."""
    dim = 200
    for scale in (1e-30, 1e30):
        bijection = b.Standardize(np.zeros(dim, "float32"), np.full(dim, scale, "float32"))
        _, log_det = bijection.forward_and_log_det(np.zeros(dim, "float32"))
        np.testing.assert_allclose(log_det, dim * np.log(scale), rtol=1e-5)


def test_linear_diagonal_cannot_vanish():
    """An unconstrained LU diagonal reaches zero, where the map has no inverse (zuko)."""
    linear = eqx.tree_at(lambda m: m.diagonal, b.LULinear(3), jnp.asarray([-30.0, 0.0, 30.0]))
    z = jnp.asarray([1.0, -2.0, 3.0])
    x, log_det = linear.forward_and_log_det(z)
    assert np.isfinite(log_det)
    np.testing.assert_allclose(linear.inverse(x), z, rtol=1e-6)


def test_householder_of_a_zero_vector_is_the_identity():
    """v vᵀ / |v|² of a zero vector is 0 / 0, and of a tiny or huge one under- or overflows."""
    for size in (0.0, 1e-30, 1e-5, 1e30):
        reflection = b.Householder(KEY, 3, 1)
        vectors = (size * jnp.asarray([[1.0, 2.0, -2.0]])).astype("float32")
        reflection = eqx.tree_at(lambda m: m.vectors, reflection, vectors)
        z = jnp.asarray([1.0, -1.0, 0.5], "float32")
        x = reflection.forward(z)
        np.testing.assert_allclose(np.linalg.norm(x), np.linalg.norm(z), rtol=1e-5)
        params, static = eqx.partition(reflection, trainable(reflection))
        gradient = jax.grad(lambda m, static=static, z=z: eqx.combine(m, static).forward(z)[0])(params)
        assert np.all(np.isfinite(gradient.vectors))
