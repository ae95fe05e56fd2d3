"""The contract of the univariate maps, at parameters drawn with standard deviation 1 and 3."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ..cases import UNIVARIATE, Case, excused
from ..conftest import SEED
from ..supports import BOUND
from .study import BACKWARD, LOG_DET, SCALES, made

DTYPES = ("float32", "float64")
#: Sets of parameters tried per line.
DRAWS = 48

each_case = pytest.mark.parametrize("case", UNIVARIATE, ids=lambda case: case.name)
each_setting = [
    pytest.mark.parametrize("dtype", DTYPES),
    pytest.mark.parametrize("scale", SCALES),
]


def _at(univariate: Any, dtype: str) -> np.ndarray:
    """Return the points: the bulk, knots of equal bins and their neighbors, the tails, ±1e6, tiny numbers."""
    bound, bins = getattr(univariate, "bound", BOUND), getattr(univariate, "bins", 4)
    knots = np.linspace(-bound, bound, bins + 1).astype(dtype)
    beside = [np.nextafter(knots, np.inf, dtype=dtype), np.nextafter(knots, -np.inf, dtype=dtype)]
    bulk = np.linspace(-1.2 * bound, 1.2 * bound, 101)
    far = [30.0, -30.0, 1e6, -1e6, 1e-30, -1e-30, 0.0]
    return np.concatenate([knots, *beside, bulk, far]).astype(dtype)


def _params(univariate: Any, dtype: str, scale: float) -> np.ndarray:
    """Return draws of the parameters; the second half has equal bins, whose knots are among the points."""
    params = scale * np.random.default_rng(SEED).standard_normal((DRAWS, univariate.num_params))
    bins = getattr(univariate, "bins", 0)
    params[DRAWS // 2 : 3 * DRAWS // 4, :bins] = 0
    params[3 * DRAWS // 4 :, bins : 2 * bins] = 0
    return params.astype(dtype)


def _compiled(univariate: Any, *, inverse: bool) -> Callable[..., dict[str, jax.Array]]:
    """Return a function of points and parameters, of shape (draws, points), to values and derivatives there."""

    def value(point: jax.Array, p: jax.Array) -> jax.Array:
        go = univariate.inverse_and_log_derivative if inverse else univariate.forward_and_log_derivative
        return jnp.stack(go(point, p))

    def one(point: jax.Array, p: jax.Array) -> dict[str, jax.Array]:
        out, pullback = jax.vjp(value, point, p)
        d_point, d_params = jax.vmap(pullback)(jnp.eye(2, dtype=out.dtype))
        return {"value": out[0], "log_derivative": out[1], "d_point": d_point, "d_params": d_params}

    return jax.jit(jax.vmap(jax.vmap(one, (0, None))))


@functools.cache
def _studies(case: Case, dtype: str) -> list[Any]:
    univariate = made(case)
    forward, inverse = (_compiled(univariate, inverse=inverse) for inverse in (False, True))
    at = np.tile(_at(univariate, dtype), (DRAWS, 1))
    studies = []
    for scale in SCALES:
        params = _params(univariate, dtype, scale)
        x, z = forward(at, params), inverse(at, params)
        back, there = forward(z["value"], params), inverse(x["value"], params)
        studies.append(jax.tree.map(np.asarray, {"forward": x, "inverse": z, "back": back, "there": there}))
    return studies


def _study(case: Case, dtype: str, scale: float) -> tuple[np.ndarray, Any]:
    return np.tile(_at(made(case), dtype), (DRAWS, 1)), _studies(case, dtype)[SCALES.index(scale)]


def _each(test: Any) -> Any:
    for mark in each_setting:
        test = mark(test)
    return each_case(test)


@_each
def test_inverse_has_a_small_backward_error(case: Case, dtype: str, scale: float):
    at, s = _study(case, dtype, scale)
    error = np.abs(s["back"]["value"] - at) / (1 + np.abs(at))
    assert error.max() <= BACKWARD[dtype]


@_each
def test_inverse_undoes_forward_as_well_as_conditioning_allows(case: Case, dtype: str, scale: float):
    at, s = _study(case, dtype, scale)
    x, log_derivative = s["forward"]["value"], s["forward"]["log_derivative"]
    allowed = BACKWARD[dtype] * (1 + np.abs(at) + (1 + np.abs(x)) * np.exp(-log_derivative))
    assert np.all(np.abs(s["there"]["value"] - at) <= allowed)


@_each
def test_log_derivative_is_that_of_autodiff(case: Case, dtype: str, scale: float):
    _, s = _study(case, dtype, scale)
    for direction in ("forward", "inverse"):
        log_derivative, slope = s[direction]["log_derivative"], s[direction]["d_point"][:, :, 0]
        assert np.all(slope > 0), direction
        error = np.abs(log_derivative - np.log(slope)) / (1 + np.abs(log_derivative))
        assert error.max() <= LOG_DET[dtype], direction


@_each
def test_log_derivatives_of_the_directions_cancel(case: Case, dtype: str, scale: float):
    """At x and f⁻¹(x); the other way round, rounding of f(z) moves the bin."""
    _, s = _study(case, dtype, scale)
    there, back = s["inverse"]["log_derivative"], s["back"]["log_derivative"]
    error = np.max(np.abs(there + back) / (1 + np.abs(there)))
    excused(case, dtype, scale, error, LOG_DET[dtype])
    assert error <= LOG_DET[dtype]


@_each
def test_everything_is_finite_and_of_the_dtype_of_the_input(case: Case, dtype: str, scale: float):
    _, s = _study(case, dtype, scale)
    for array in jax.tree.leaves(s):
        assert np.all(np.isfinite(array))
        assert array.dtype == dtype


@_each
def test_map_is_increasing(case: Case, dtype: str, scale: float):
    at, s = _study(case, dtype, scale)
    order = np.argsort(at[0])
    for direction in ("forward", "inverse"):
        value = s[direction]["value"][:, order]
        slack = np.finfo(dtype).eps * 16 * (1 + np.abs(value[:, 1:]))
        assert np.all(np.diff(value, axis=1) >= -slack), direction


@each_case
def test_every_parameter_has_a_gradient(case: Case):
    _, s = _study(case, "float64", 1.0)
    for direction in ("forward", "inverse"):
        assert np.any(s[direction]["d_params"] != 0, axis=(0, 1, 2)).all(), direction


@each_case
def test_the_inverse_has_the_gradient_of_the_implicit_function(case: Case):
    """With f(z, p) = x, dz/dp = -(df/dp) / f', whatever way z was found; the log-derivative follows it."""
    univariate = made(case)
    x = jnp.linspace(-2.0, 2.0, 9)
    params = 0.5 * jax.random.normal(jax.random.key(SEED), (9, univariate.num_params))

    def one(x: Any, p: Any) -> Any:
        inverse = univariate.inverse_and_log_derivative
        z, (found_z, found_log) = inverse(x, p)[0], jax.jacrev(lambda p: inverse(x, p))(p)

        def f(z: Any, p: Any) -> Any:
            return univariate.forward_and_log_derivative(z, p)[0]

        def minus_log_slope(z: Any, p: Any) -> Any:
            return -univariate.forward_and_log_derivative(z, p)[1]

        of_z = -jax.grad(f, 1)(z, p) / jax.grad(f)(z, p)
        of_log = jax.grad(minus_log_slope, 1)(z, p) + jax.grad(minus_log_slope)(z, p) * of_z
        return found_z - of_z, found_log - of_log

    for difference in jax.jit(jax.vmap(one))(x, params):
        np.testing.assert_allclose(difference, 0, atol=1e-8)


@each_case
@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_parameters_give_the_identity(case: Case, dtype: str):
    univariate = made(case)
    at = _at(univariate, dtype)
    zero = jnp.zeros((len(at), univariate.num_params), dtype)
    tolerance = 8 * float(np.finfo(dtype).eps)
    for method in (univariate.forward_and_log_derivative, univariate.inverse_and_log_derivative):
        value, log_derivative = jax.jit(method)(jnp.asarray(at), zero)
        bound = getattr(univariate, "bound", 1.0)
        np.testing.assert_allclose(value, at, rtol=tolerance, atol=tolerance * bound)
        np.testing.assert_allclose(log_derivative, 0, atol=16 * tolerance)


@each_case
def test_params_broadcast_over_any_shape(case: Case):
    univariate = made(case)
    z = np.linspace(-2, 2, 6).reshape(2, 1, 3)
    params = _params(univariate, "float64", 1.0)[:6].reshape(2, 1, 3, -1)
    go = jax.jit(univariate.forward_and_log_derivative)
    value, log_derivative = go(jnp.asarray(z), jnp.asarray(params))
    flat, _ = go(jnp.asarray(z.reshape(-1)), jnp.asarray(params.reshape(6, -1)))
    assert value.shape == log_derivative.shape == z.shape
    np.testing.assert_allclose(value.reshape(-1), flat, rtol=1e-13, atol=1e-13)


@each_case
def test_nan_is_neither_hidden_nor_spread(case: Case):
    univariate = made(case)
    params = jnp.asarray(_params(univariate, "float64", 1.0)[:2])
    for method in (univariate.forward_and_log_derivative, univariate.inverse_and_log_derivative):
        value, _ = jax.jit(method)(jnp.asarray([np.nan, 0.5]), params)
        assert np.isnan(value[0])
        assert np.isfinite(value[1])


@each_case
def test_second_derivatives_are_finite(case: Case):
    univariate = made(case)
    at = jnp.asarray(_at(univariate, "float64"))
    params = jnp.asarray(_params(univariate, "float64", 3.0)[0])

    @jax.jit
    def hessians(at: jax.Array) -> Any:
        def total(point: jax.Array, p: jax.Array) -> jax.Array:
            value, log_derivative = univariate.forward_and_log_derivative(point, p)
            return value + log_derivative

        return jax.vmap(jax.jacrev(jax.grad(total, (0, 1)), (0, 1)), (0, None))(at, params)

    for leaf in jax.tree.leaves(hessians(at)):
        assert np.all(np.isfinite(leaf))
