"""Elementary functions in forms that avoid overflow, cancellation and vanishing gradients."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

#: The largest size, in standard deviations of standardized data, of inputs that reach a network unchanged.
LINEAR = 5.0


def bounded(x: Float[Array, "..."], bound: float) -> Float[Array, "..."]:
    """Return x / (1 + |x| / bound): an increasing map of the line onto (-bound, bound), slope 1 at 0.

    Unlike the gradient of a clip or a tanh, its gradient decays only as 1 / x² and does not vanish in floating point.
    """
    return x / (1 + jnp.abs(x) / bound)


def squash(x: Float[Array, "..."], linear: float) -> Float[Array, "..."]:
    """Return x where |x| <= L = `linear`, and ±L (1 + log(|x| / L)) beyond: continuously differentiable, increasing."""
    far = jnp.abs(x) > linear
    log = jnp.log(jnp.where(far, jnp.abs(x), linear) / linear)
    return jnp.where(far, jnp.sign(x) * linear * (1 + log), x)


def inverse_softplus(y: float) -> float:
    """Return x with log(1 + exp(x)) = y > 0."""
    return y + math.log(-math.expm1(-y))


def log_expm1(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return log(exp(x) - 1) = x + log(1 - exp(-x)) for x > 0, without overflow for large x."""
    return x + jnp.log(-jnp.expm1(-x))


def round_into(x: Float[Array, "..."], low: ArrayLike, high: ArrayLike) -> Float[Array, "..."]:
    """Move numbers that rounding has put outside [low, high] to the nearer end, with the gradient of the identity.

    A clip has half the gradient where `x` equals an end, and none beyond it.
    """
    return x + jax.lax.stop_gradient(jnp.clip(x, low, high) - x)


def into_open_interval(x: Float[Array, "..."], low: Array, high: Array) -> Float[Array, "..."]:
    """Move numbers that rounding has put on or beyond an end of (low, high) to the nearest number inside.

    Next to an end of 0 this is the smallest normal number, because compiled code takes subnormal numbers for 0.
    """
    tiny = jnp.finfo(x.dtype).tiny
    low, high = jax.lax.stop_gradient((low, high))  # JAX cannot differentiate `nextafter`
    first = jnp.maximum(jnp.nextafter(low, high), low + tiny)
    return round_into(x, first, jnp.minimum(jnp.nextafter(high, low), high - tiny))


def one_minus_sum(x: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    """Return 1 - Σ x along `axis`, kept with length one, for numbers in [0, 1) whose sum is about 1 at most.

    The result has the relative precision of the dtype, because only exact numbers cancel.
    """
    unit = float(jnp.finfo(x.dtype).eps)
    # Multiples of the unit are exact up to 2, and so is their sum in any order; the rest is as small as the unit.
    coarse = jax.lax.stop_gradient(jnp.round(x / unit) * unit)
    return (1 - coarse.sum(axis, keepdims=True)) - (x - coarse).sum(axis, keepdims=True)


def one_minus_sum_of_squares(x: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    """Return 1 - Σ x² along `axis`, kept with length one, for numbers in (-1, 1) with Σ x² about 1 at most.

    Where the result is small, its error is a thousandth (float32) of the error that rounded squares would give.
    """
    unit = 2.0 ** -((jnp.finfo(x.dtype).nmant - 1) // 2)
    # `coarse` has half the digits, so that its squares and their sum are exact; x² - c² = (x - c)(x + c) is small.
    coarse = jax.lax.stop_gradient(jnp.round(x / unit) * unit)
    return (1 - (coarse**2).sum(axis, keepdims=True)) - ((x - coarse) * (x + coarse)).sum(axis, keepdims=True)


def compress_tails(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return x as a network sees it: logarithmic beyond ±5.

    A network grows linearly with its inputs, and so do the log-scales that it gives. Layer after layer would amplify
    one number a hundred standard deviations out, until the gradient of its density overflows. A network sees inputs up
    to ±5 unchanged, to the last bit, and inputs beyond as ±5 (1 + log(|x| / 5)).
    """
    return squash(x, LINEAR)
