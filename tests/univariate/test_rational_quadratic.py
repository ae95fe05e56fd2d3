"""Splines where others break: each docstring names what breaks, and in which package it was seen."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import univariate as u

from ..conftest import SEED

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def _spline_points(dtype: str, scale: float, n: int, bins: int = 8) -> tuple[u.RationalQuadratic, jax.Array, jax.Array]:
    spline = u.RationalQuadratic(bins=bins, bound=3.0)
    rng = np.random.default_rng(SEED)
    params = jnp.asarray(scale * rng.standard_normal((n, spline.num_params)), dtype)
    return spline, jnp.asarray(rng.uniform(-3, 3, n), dtype), params


@pytest.mark.parametrize("scale", [3.0, 6.0])
def test_spline_root_with_a_negative_discriminant(scale: float):
    """Unclamped sqrt(b² - 4ac): NaN, or an assertion (zuko, flowjax, nflows #87, normflows, FrEIA)."""
    spline, x, params = _spline_points("float32", scale, 100_000)
    z, log_derivative = jax.jit(spline.inverse_and_log_derivative)(x, params)
    assert np.all(np.isfinite(z))
    assert np.all(np.isfinite(log_derivative))


@pytest.mark.parametrize(("scale", "bound"), [(1.0, 1e-4), (3.0, 1e-4)])
def test_spline_inverse_without_a_perturbed_denominator(scale: float, bound: float):
    """A constant added to the denominator of the root: backward error 1e-3 to 1e-2 in float32 (bijx)."""
    spline, x, params = _spline_points("float32", scale, 100_000)
    z, _ = jax.jit(spline.inverse_and_log_derivative)(x, params)
    again, _ = jax.jit(spline.forward_and_log_derivative)(z, params)
    assert np.max(np.abs(np.asarray(again) - np.asarray(x)) / (1 + np.abs(np.asarray(x)))) <= bound


@each_dtype
def test_spline_gradient_at_a_double_root_and_at_knots(dtype: str):
    """Gradient of a square root at zero; NaN gradients at knots and out of bounds (distrax tests, flowjax #239)."""
    spline = u.RationalQuadratic(bins=4, bound=2.0)
    knots = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, -7.0, 7.0], dtype)
    beside = [np.nextafter(knots, np.inf, dtype=dtype), np.nextafter(knots, -np.inf, dtype=dtype)]
    at = jnp.asarray(np.concatenate([knots, *beside]))

    def total(at: jax.Array, params: jax.Array) -> jax.Array:
        z, log_derivative = spline.inverse_and_log_derivative(at, jnp.tile(params, (at.size, 1)))
        return jnp.sum(z + log_derivative)

    gradient = jax.jit(jax.grad(total, (0, 1)))
    # Steep and flat slopes at the knots of equal bins: the quadratic has a double root at an end of a bin.
    for slope in (-40.0, -8.0, 0.0, 8.0, 40.0):
        for leaf in gradient(at, jnp.zeros(spline.num_params, dtype).at[8:].set(slope)):
            assert np.all(np.isfinite(leaf)), slope


@each_dtype
def test_spline_derivative_is_right_at_a_knot(dtype: str):
    """A clip of the position in a bin halves or drops the derivative where it is attained, at the knots."""
    spline = u.RationalQuadratic(bins=4, bound=2.0)
    at = jnp.asarray([-2.0, -1.0, 0.0, 1.0, 2.0], dtype)
    params = jnp.zeros(spline.num_params, dtype).at[8:].set(jnp.asarray([1.0, -1.0, 2.0], dtype))
    for go in (spline.forward_and_log_derivative, spline.inverse_and_log_derivative):
        slope = jax.jit(jax.vmap(jax.grad(lambda v, go=go: go(v, params)[0])))(at)
        log_derivative = jax.jit(jax.vmap(lambda v, go=go: go(v, params)[1]))(at)
        np.testing.assert_allclose(np.log(slope), log_derivative, atol=1e-5)


@pytest.mark.parametrize("bound", [32.0, 1e3, 1e5])
def test_spline_of_a_large_domain_at_its_upper_end(bound: float):
    """The last knot moved by 1e-6, lost in float32 beyond 32: index out of range (nflows, normflows)."""
    spline = u.RationalQuadratic(bins=8, bound=bound)
    end = np.float32(bound)
    at = jnp.asarray([end, np.nextafter(end, np.float32(0)), np.nextafter(end, np.float32(np.inf)), -end])
    params = jnp.asarray(np.random.default_rng(SEED).standard_normal((4, spline.num_params)), "float32")
    for go in (spline.forward_and_log_derivative, spline.inverse_and_log_derivative):
        value, _ = go(at, params)
        np.testing.assert_allclose(value, at, rtol=1e-4)


@pytest.mark.parametrize("go_inverse", [False, True])
def test_spline_has_no_domain_to_leave(go_inverse: bool):
    """InputOutsideDomain while training (nflows); a mask by the wrong knots (FrEIA); [0, 1] only (bijx)."""
    spline = u.RationalQuadratic(bins=8, bound=3.0)
    at = jnp.asarray([-1e6, -3.5, 3.5, 1e6], "float32")
    params = jnp.asarray(3 * np.random.default_rng(SEED).standard_normal((4, spline.num_params)), "float32")
    go = spline.inverse_and_log_derivative if go_inverse else spline.forward_and_log_derivative
    value, log_derivative = go(at, params)
    np.testing.assert_array_equal(value, at)
    np.testing.assert_array_equal(log_derivative, 0)


def test_spline_settings_reach_the_spline():
    """Minimum bin and slope accepted, stored and not used (bijx)."""
    params = jnp.asarray(3 * np.random.default_rng(SEED).standard_normal(23))
    at = jnp.asarray(0.7)
    values = {
        float(u.RationalQuadratic(**settings).forward_and_log_derivative(at, params)[0])
        for settings in [dict[str, Any](), {"min_bin": 0.1}, {"min_slope": 0.5}, {"bound": 2.0}]
    }
    assert len(values) == 4


def test_narrow_bins_keep_their_digits():
    spline = pf.univariate.RationalQuadratic(8, 5.0, min_bin=1e-8)
    at = jnp.linspace(-5.5, 5.5, 4001, dtype=jnp.float32)
    for raw in (2, 10):
        params = jnp.zeros(23, jnp.float32).at[raw].set(-40.0)
        for go in (spline.forward_and_log_derivative, spline.inverse_and_log_derivative):
            value, log_derivative = go(at, params)
            assert np.all(np.isfinite(value)), raw
            assert np.all(np.isfinite(log_derivative)), raw
