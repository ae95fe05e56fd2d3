"""Tukey's h transformation: digits, magnitudes and the tails that it makes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from pushforward.bijections import TukeyH

H = (1e-6, 1e-3, 0.05, 0.3, 1.0, 2.0, 10.0)


def exact(y: np.ndarray, h: float) -> np.ndarray:
    """Return z with z exp(h z² / 2) = y, in the widest floating-point numbers."""
    y = y.astype(np.longdouble)
    c = np.log(np.longdouble(h)) + 2 * np.log(y)
    s = np.where(c < 1, np.exp(np.minimum(c, 1)), c)
    for _ in range(60):
        s = s * (1 + c - np.log(s)) / (1 + s)
    return np.where(s < 1, y * np.exp(-s / 2), np.sqrt(s / h))


@pytest.mark.parametrize("h", H)
@pytest.mark.parametrize(("dtype", "most"), [("float32", 30), ("float64", 300)])
def test_inverse_has_all_digits_at_all_magnitudes(rng, h, dtype, most):
    y = (10 ** np.concatenate([rng.uniform(-most, most, 3000), rng.uniform(-3, 3, 3000)])).astype(dtype)
    h = float(np.asarray(h, dtype))
    bijection = TukeyH(*(jnp.asarray(a, dtype) for a in (0.0, 1.0, h, h)))
    for sign in (1, -1):
        z = np.asarray(jax.jit(jax.vmap(bijection.inverse))(sign * y))
        assert z.dtype == dtype
        error = np.abs(sign * z / exact(y, h) - 1).astype(float)
        assert error.max() <= 3 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_heavy_tails_it_is_the_identity_to_the_last_digit(rng, dtype):
    x = (10 ** rng.uniform(-30, 30, 1000) * rng.choice([-1, 1], 1000)).astype(dtype)
    bijection = TukeyH(*(jnp.asarray(a, dtype) for a in (0.0, 1.0, 0.0, 0.0)))
    for go in (bijection.forward_and_log_det, bijection.inverse_and_log_det):
        y, log_det = jax.vmap(go)(x)
        np.testing.assert_array_equal(y, x)
        np.testing.assert_array_equal(log_det, 0)


@pytest.mark.parametrize("h", [0.0, 1e-3, 0.5, 2.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_largest_numbers_of_float32(h, scale):
    bijection = TukeyH(*(jnp.asarray(a, jnp.float32) for a in (1.0, scale, h, h)))
    most = np.finfo(np.float32).max
    x = np.array([0, 1, 1e-38, 1e30, -1e30, 1e38, most, -most], np.float32)
    z, log_det = map(np.asarray, jax.vmap(bijection.inverse_and_log_det)(x))
    assert np.isfinite(z).all()
    assert np.isfinite(log_det).all()
    assert np.isfinite(np.asarray(jax.vmap(jax.grad(lambda x: bijection.inverse_and_log_det(x)[0]))(x))).all()
    assert np.isfinite(np.asarray(jax.vmap(jax.grad(lambda x: bijection.inverse_and_log_det(x)[1]))(x[:6]))).all()
    if h > 0:
        assert (np.diff(z[[6, 5, 3, 1, 4, 7]]) <= 0).all()


def test_gradient_with_respect_to_the_index():
    """The parameters are not trained by a fit, but the derivative is right for whoever asks for it."""

    def inverse(h: jax.Array) -> jax.Array:
        return TukeyH(jnp.zeros(()), jnp.ones(()), h, h).inverse(jnp.asarray(3.0))

    h, step = jnp.asarray(0.4), 1e-6
    with jax.disable_jit():
        slope = (inverse(h + step) - inverse(h - step)) / (2 * step)
    y = float(inverse(h))
    assert slope == pytest.approx(-(y**3) / 2 / (1 + 0.4 * y**2), rel=1e-6)


def test_its_tails_are_those_of_the_index():
    bijection = TukeyH(0.0, 1.0, 0.0, 1.0)
    t = np.array([1e6, 1e12, 1e24])
    beyond = stats.norm.sf(np.asarray(jax.vmap(bijection.inverse)(t)))
    power = -np.diff(np.log(beyond)) / np.diff(np.log(t))
    np.testing.assert_allclose(power, 1.0, atol=0.05)
    assert power[1] > power[0] or abs(power[1] - 1) < abs(power[0] - 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0], [1.0], [-0.1], [0.0]), "`left` must be finite and not negative"),
        (([0.0], [1.0], [0.0], [np.nan]), "`right` must be finite and not negative"),
        (([0.0], [1.0], 0.0, [0.0]), "`left` must be of the shape of `loc`"),
        (([0.0], [0.0], [0.0], [0.0]), "`scale` must be positive"),
    ],
)
def test_wrong_numbers_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        TukeyH(*arguments)
