"""Maps onto a part of the line, where numbers saturate; packages in which a weakness was seen are named."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import bijections as b
from pushforward import distributions as d

from ..cases import cast

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.mark.parametrize("z", [9.5, 12.0, 17.0, 40.0, 90.0])
def test_log_det_of_saturated_maps_in_float32(z: float):
    """log(1 - y²) is -15.94 for -17.61 at 9.5 and -inf at 12 (nflows); log y + log(1 - y) is -inf at 17 (bijx)."""
    at = jnp.asarray([z, -z], "float32")
    exact = np.float64(z)
    _, log_det = b.Tanh((2,)).forward_and_log_det(at)
    np.testing.assert_allclose(log_det, 4 * (np.log(2) - exact - np.log1p(np.exp(-2 * exact))), rtol=1e-6)
    _, log_det = b.Sigmoid((2,)).forward_and_log_det(at)
    np.testing.assert_allclose(log_det, 2 * (-exact - 2 * np.log1p(np.exp(-exact))), rtol=1e-6)


@pytest.mark.parametrize(
    "bijection",
    [b.Tanh((2,)), b.Sigmoid((2,)), b.Sigmoid((2,), -5.0, 1.0), b.NormalCDF((2,)), b.NormalCDF((2,), -5.0, 1.0)],
    ids=["tanh", "sigmoid", "interval", "normal-cdf", "normal-cdf-interval"],
)
@pytest.mark.parametrize("far", [50.0, 1000.0])
@each_dtype
def test_saturated_values_can_be_inverted(bijection: Any, far: float, dtype: str):
    """arctanh(±1) = inf, logit(0) and logit(1): a draw that rounded to an end has no density (flowjax, distrax #7)."""
    bijection = cast(bijection, dtype)
    at = jnp.asarray([far, -far], dtype)
    x, _ = bijection.forward_and_log_det(at)
    z, log_det = bijection.inverse_and_log_det(x)
    assert np.all(np.isfinite(z))
    assert np.isfinite(log_det)
    gradient = jax.grad(lambda x: bijection.inverse_and_log_det(x)[1])(x)
    assert np.all(np.isfinite(gradient))
    again, _ = bijection.forward_and_log_det(z)
    np.testing.assert_allclose(again, x, rtol=1e-6, atol=1e-6)


@each_dtype
def test_softplus_neither_overflows_nor_cancels(dtype: str):
    """log(1 + exp z) is inf at 89, log(exp x - 1) is -inf at 1e-8 (pzflow, normflows planar)."""
    softplus = b.Softplus((1,))
    for z in (-80.0, -20.0, 0.0, 20.0, 89.0, 1e4, 1e6):
        x, log_det = softplus.forward_and_log_det(jnp.asarray([z], dtype))
        assert np.isfinite(x[0])
        assert np.isfinite(log_det)
        if z > -20:
            np.testing.assert_allclose(softplus.inverse(x), [z], rtol=1e-5)
    for x in (1e-30, 1e-8, 1e-3, 1.0, 100.0, 1e6):
        z, log_det = softplus.inverse_and_log_det(jnp.asarray([x], dtype))
        np.testing.assert_allclose(softplus.forward(z), [x], rtol=1e-4)
        assert np.isfinite(log_det)


@pytest.mark.parametrize(
    ("bijection", "x"),
    [
        (b.Exp(()), [0.0, -1.0]),
        (b.Softplus(()), [0.0, -1.0]),
        (b.Sigmoid((), -1.0, 2.0), [-1.0, 2.0, -5.0, 1e6]),
        (b.NormalCDF((), -1.0, 2.0), [-1.0, 2.0, -5.0, 1e6]),
        (b.Tanh(()), [1.0, -1.0, 4.0]),
    ],
    ids=["exp", "softplus", "sigmoid", "normal-cdf", "tanh"],
)
def test_outside_the_support_the_density_is_zero_and_nan_is_nan(bijection: Any, x: list[float]):
    """NaN reported as -inf hides a failure (flowjax, pzflow); a support that is ignored (normflows UniformGaussian)."""
    flow = d.Pushforward(d.StandardNormal(()), bijection)
    assert np.all(np.asarray(flow.log_prob(np.array(x))) == -np.inf)
    assert np.isnan(flow.log_prob(np.nan))
    gradient = jax.vmap(jax.grad(flow.log_prob))(jnp.asarray(x))
    assert np.all(np.isfinite(gradient))
