"""Elementary functions in forms that neither overflow nor cancel nor kill a gradient."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float


def bounded(x: Float[Array, "..."], bound: float) -> Float[Array, "..."]:
    """Return x / (1 + |x| / bound): an increasing map of the line onto (-bound, bound), slope 1 at 0.

    Unlike a clip or a tanh its gradient decays as 1 / x² only, so it does not vanish in floating point.
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
    """Move what rounding has put outside [low, high] to its nearer end; the gradient is that of the identity.

    A clip has half the gradient where `x` is an end exactly, and none beyond it.
    """
    return x + jax.lax.stop_gradient(jnp.clip(x, low, high) - x)


def into_open_interval(x: Float[Array, "..."], low: Array, high: Array) -> Float[Array, "..."]:
    """Move what rounding has put on or beyond an end of (low, high) to the nearest number inside."""
    return round_into(x, jnp.nextafter(low, high), jnp.nextafter(high, low))
