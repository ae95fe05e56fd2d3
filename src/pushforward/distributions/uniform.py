"""Uniform distribution on a box."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import FIXED
from .._types import ArrayLike, Condition, Event, Key, Scalar
from ..supports import Interval
from ._base import AbstractDistribution


@final
class Uniform(AbstractDistribution):
    """Independent uniform variables on [low, high].

        log p(x) = -Σ log(high - low) inside, -inf outside

    Arguments:
        low, high: the ends, numbers or arrays; their broadcast shape is the shape of one event. They are not
            trained, because the likelihood has no gradient there.

    Raises:
        ValueError: unless low < high, both finite.
    """

    low: Float[Array, "..."] = eqx.field(metadata=FIXED)
    high: Float[Array, "..."] = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, low: ArrayLike, high: ArrayLike):
        interval = Interval(low, high)
        self.low, self.high, self.shape = interval.low, interval.high, interval.shape
        self.cond_shape = None

    @property
    def support(self) -> Interval:
        """The open interval; the ends have density too, but few draws, if any, fall on them."""
        return Interval(self.low, self.high, self.shape)

    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        outside = (x < self.low) | (x > self.high)
        log_density = jnp.where(outside, -jnp.inf, -jnp.log(self.high - self.low))
        return jnp.where(jnp.isnan(x), x, log_density).sum()

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        x = jax.random.uniform(key, self.shape, self.low.dtype, self.low, self.high)
        return x, self._log_prob(x, None)
