"""Simplexes, increasing vectors and correlation matrices against NumPyro."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist
from numpyro.distributions import transforms

from pushforward import bijections as b
from pushforward import supports as s

from ..conftest import SEED


def _both(ours: Any, theirs: Any, z: jax.Array) -> Any:
    """Return our events and log-determinants, their images and log-determinants."""

    @jax.jit
    def run(z: jax.Array) -> Any:
        image = theirs(z)
        return *jax.vmap(ours.forward_and_log_det)(z), image, theirs.log_abs_det_jacobian(z, image)

    return run(z)


def _z(dim: int) -> jax.Array:
    return jnp.asarray(2 * np.random.default_rng(SEED).standard_normal((20, dim)))


@pytest.mark.parametrize("dim", [1, 2, 30])
def test_simplex(dim: int):
    ours = b.StickBreaking(dim)
    x, log_det, parts, expected = _both(ours, transforms.StickBreakingTransform(), _z(dim))
    np.testing.assert_allclose(s.Simplex(dim).parts(x), parts, rtol=1e-9)
    np.testing.assert_allclose(log_det, expected, rtol=1e-9)


def test_increasing():
    """Theirs has gaps exp(y), ours log(1 + exp(z)): dy/dz = 1 / (1 + exp(-z)) / gap."""
    ours, theirs, y = b.Ordered(6), transforms.OrderedTransform(), _z(6)
    x: Any = theirs(y)
    z, log_det = jax.jit(jax.vmap(ours.inverse_and_log_det))(x)
    gaps = np.exp(y[:, 1:])
    np.testing.assert_allclose(jax.nn.softplus(z[:, 1:]), gaps, rtol=1e-9)
    slopes = np.log(jax.nn.sigmoid(z[:, 1:]) / gaps).sum(axis=1)
    np.testing.assert_allclose(-log_det, theirs.log_abs_det_jacobian(y, x) + slopes, rtol=1e-9)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_correlation(size: int):
    ours = b.CorrelationCholesky(size)
    z = _z(size * (size - 1) // 2) / 4
    x, log_det, factor, expected = _both(ours, transforms.CorrCholeskyTransform(), z)
    np.testing.assert_allclose(s.CorrelationCholesky(size).factor(x), factor, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(log_det, expected, rtol=1e-9)


def test_density_of_correlation_matrices():
    """The LKJ distribution of the factor and that of the matrix."""
    cholesky, onto = s.CorrelationCholesky(4), b.CorrelationCholesky(4)

    @jax.jit
    def densities(z: jax.Array) -> Any:
        x = jax.vmap(onto.forward)(z)
        of_factor = dist.LKJCholesky(4, 2.5).log_prob(cholesky.factor(x))
        of_matrix = dist.LKJ(4, 2.5).log_prob(cholesky.correlation(x))
        return of_factor - cholesky.correlation_log_det(x), of_matrix

    np.testing.assert_allclose(*densities(_z(6) / 4), rtol=1e-9)
