"""Uniform distribution on a box."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arrays import as_float
from .._errors import require
from .._fields import FIXED
from .._types import ArrayLike, Condition, Event, Key, Scalar
from ._base import AbstractDistribution


@final
class Uniform(AbstractDistribution):
    """Independent uniform variables on [low, high].

        log p(x) = -Σ log(high - low) inside, -inf outside

    Arguments:
        low, high: the ends, numbers or arrays; their broadcast shape is that of one event. They are not
            trained: the likelihood has no gradient there.

    Raises:
        ValueError: unless low < high, both finite.
    """

    low: Float[Array, "..."] = eqx.field(metadata=FIXED)
    high: Float[Array, "..."] = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, low: ArrayLike, high: ArrayLike):
        self.low, self.high = jnp.broadcast_arrays(as_float("low", low), as_float("high", high))
        finite = bool(np.all(np.isfinite(self.low)) and np.all(np.isfinite(self.high)))
        ok = finite and bool(np.all(np.asarray(self.low) < np.asarray(self.high)))
        require(ok, "low", "finite and below `high`, finite too", f"`low = {low}, high = {high}`")
        self.shape = self.low.shape
        self.cond_shape = None

    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        outside = (x < self.low) | (x > self.high)
        log_density = jnp.where(outside, -jnp.inf, -jnp.log(self.high - self.low))
        return jnp.where(jnp.isnan(x), x, log_density).sum()

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        x = jax.random.uniform(key, self.shape, self.low.dtype, self.low, self.high)
        return x, self._log_prob(x, None)
