"""The spline against the interpolant of Gregory and Delbourgo, derived anew in plain NumPy.

"Piecewise Rational Quadratic Interpolation to Monotonic Data", Gregory, Delbourgo, 1982: between the knots
(x_i, f_i) and (x_{i+1}, f_{i+1}) with derivatives d_i, d_{i+1}, with h = x_{i+1} - x_i, Δ = (f_{i+1} - f_i) / h and
θ = (x - x_i) / h, s(x) = P(θ) / Q(θ) where

    P = f_{i+1} θ² + Δ⁻¹ (f_i d_{i+1} + f_{i+1} d_i) θ (1 - θ) + f_i (1 - θ)²
    Q = θ² + Δ⁻¹ (d_{i+1} + d_i) θ (1 - θ) + (1 - θ)²
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from pushforward.univariate import RationalQuadratic

from ..conftest import SEED


def _knots(spline: RationalQuadratic, params: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return abscissae, ordinates and slopes at the knots."""
    k, low = spline.bins, spline.min_bin

    def cut(raw: np.ndarray) -> np.ndarray:
        share = np.exp(raw - raw.max())
        size = low + (1 - k * low) * share / share.sum()
        return spline.bound * (2 * np.concatenate([[0], np.cumsum(size)]) - 1)

    # Zero gives slope 1: softplus(0 + shift) = 1 - min_slope.
    shift = np.log(np.expm1(1 - spline.min_slope))
    inner = np.log1p(np.exp(params[2 * k :] + shift)) + spline.min_slope
    return cut(params[:k]), cut(params[k : 2 * k]), np.concatenate([[1], inner, [1]])


def _interpolant(x: float, knots: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> float:
    if not knots[0] < x < knots[-1]:
        return x
    i = np.searchsorted(knots, x, side="right") - 1
    h, df = knots[i + 1] - knots[i], values[i + 1] - values[i]
    ratio, t = h / df, (x - knots[i]) / h
    mixed = values[i] * slopes[i + 1] + values[i + 1] * slopes[i]
    p = values[i + 1] * t**2 + ratio * mixed * t * (1 - t) + values[i] * (1 - t) ** 2
    q = t**2 + ratio * (slopes[i + 1] + slopes[i]) * t * (1 - t) + (1 - t) ** 2
    return p / q


def _root(value: float, knots: Any, far: float) -> Any:
    return brentq(lambda u: _interpolant(u, *knots) - value, -far, far, xtol=1e-14)


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("settings", [{"bins": 8}, {"bins": 3, "bound": 2.0, "min_bin": 1e-3, "min_slope": 1e-4}])
def test_spline_is_the_interpolant(settings: dict, scale: float):
    spline = RationalQuadratic(**settings)
    rng = np.random.default_rng(SEED)
    at = np.linspace(-1.3 * spline.bound, 1.3 * spline.bound, 61)
    for _ in range(4):
        params = scale * rng.standard_normal(spline.num_params)
        knots = _knots(spline, params)
        tiled = jnp.tile(jnp.asarray(params), (at.size, 1))
        x, log_derivative = spline.forward_and_log_derivative(jnp.asarray(at), tiled)
        expected = np.array([_interpolant(v, *knots) for v in at])
        np.testing.assert_allclose(x, expected, rtol=1e-11, atol=1e-11)
        step = 1e-6 * spline.bound
        slope = [(_interpolant(v + step, *knots) - _interpolant(v - step, *knots)) / (2 * step) for v in at]
        np.testing.assert_allclose(np.exp(log_derivative), slope, rtol=1e-3, atol=1e-6)
        z, _ = spline.inverse_and_log_derivative(jnp.asarray(at), tiled)
        roots = [_root(v, knots, 2 * spline.bound) for v in at]
        np.testing.assert_allclose(z, roots, rtol=1e-8, atol=1e-9)


def test_spline_goes_through_its_knots_with_its_slopes():
    spline = RationalQuadratic(bins=5, bound=4.0)
    params = 2 * np.random.default_rng(SEED).standard_normal(spline.num_params)
    knots, values, slopes = _knots(spline, params)
    tiled = jnp.tile(jnp.asarray(params), (knots.size, 1))
    x, log_derivative = spline.forward_and_log_derivative(jnp.asarray(knots), tiled)
    np.testing.assert_allclose(x, values, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(log_derivative, np.log(slopes), rtol=1e-9, atol=1e-9)


def test_agrees_with_distrax():
    distrax = pytest.importorskip("distrax")
    spline = RationalQuadratic(bins=6, bound=3.0, min_bin=1e-2 / 6, min_slope=1e-3)
    params = np.random.default_rng(SEED).standard_normal(spline.num_params)
    # distrax takes the slopes at both ends too; "unconstrained" boundaries put them to those of the tails, 1.
    ends = np.concatenate([params[:12], [0.0], params[12:], [0.0]])
    theirs = distrax.RationalQuadraticSpline(
        jnp.asarray(ends), -3.0, 3.0, boundary_slopes="identity", min_bin_size=1e-2, min_knot_slope=1e-3
    )
    at = jnp.linspace(-4, 4, 41)
    x, log_derivative = spline.forward_and_log_derivative(at, jnp.tile(jnp.asarray(params), (41, 1)))
    expected, log_det = theirs.forward_and_log_det(at)
    np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(log_derivative, log_det, rtol=1e-5, atol=1e-5)
