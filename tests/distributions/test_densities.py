"""Densities and draws where others break: each docstring names what breaks, and in which package it was seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import distributions as d

from ..cases import cast
from ..conftest import SEED

KEY = jax.random.key(SEED)

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def test_uniform_has_no_floor_outside_its_support():
    """-1e10 instead of -inf outside (sbibm); NaN turned into a number."""
    assert np.asarray(d.Uniform(0.0, 1.0).log_prob(np.array([-0.1, 1.1]))).tolist() == [-np.inf, -np.inf]
    assert np.isnan(d.Uniform(0.0, 1.0).log_prob(np.nan))


@each_dtype
def test_tails_of_student_t_and_logistic(dtype: str):
    """exp and squares that overflow far out: inf or NaN for a density that is small (bijx log cosh, normflows)."""
    at = jnp.asarray([1e2, 1e6, -1e6, 1e20, -1e30], dtype)
    for distribution in (d.StudentT(3.0), d.Logistic(0.0, 1.0)):
        distribution = cast(distribution, dtype)
        log_prob = jax.vmap(distribution.log_prob)(at)
        assert np.all(np.isfinite(log_prob))
        assert np.all(np.isfinite(jax.vmap(jax.grad(distribution.log_prob))(at)))


@each_dtype
def test_a_draw_has_the_dtype_of_the_parameters(dtype: str):
    """Noise drawn in the default dtype turns a float32 model into a float64 one (device and dtype leaks: normflows)."""
    for distribution in (
        d.Normal(0.0, 1.0),
        d.MultivariateNormal([0.0], [[1.0]]),
        pf.flows.real_nvp(KEY, 2, hidden=(4,)),
    ):
        x = cast(distribution, dtype).sample(KEY, (2,))
        assert x.dtype == dtype, type(distribution).__name__
