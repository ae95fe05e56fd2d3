"""Logistic distribution."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import ArrayLike, Condition, Event, Key, Scalar
from ..supports import Real
from ._base import AbstractDistribution
from ._location_scale import raw_location_scale


@final
class Logistic(AbstractDistribution):
    """Independent logistic variables, which have exponential tails.

        log p(x) = Σ -|z| - 2 log(1 + exp(-|z|)) - log scale,   z = (x - loc) / scale

    Arguments:
        loc: mean, number or array; its shape broadcast with that of `scale` is the shape of one event.
        scale: positive; the standard deviation is π / √3 times the scale. Location and scale are trained.

    Raises:
        ValueError: if a scale is not positive and finite.
    """

    loc: Float[Array, "..."]
    raw_scale: Float[Array, "..."]
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, loc: ArrayLike, scale: ArrayLike):
        self.loc, self.raw_scale = raw_location_scale(loc, scale)
        self.shape = self.loc.shape
        self.cond_shape = None

    @property
    def support(self) -> Real:
        """All real arrays."""
        return Real(self.shape)

    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        scale = jax.nn.softplus(self.raw_scale)
        z = (x - self.loc) / scale
        # softplus(z) + softplus(-z) = |z| + 2 softplus(-|z|), smooth at 0.
        return -jnp.sum(jax.nn.softplus(z) + jax.nn.softplus(-z) + jnp.log(scale))

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        x = self.loc + jax.nn.softplus(self.raw_scale) * jax.random.logistic(key, self.shape, self.loc.dtype)
        return x, self._log_prob(x, None)
