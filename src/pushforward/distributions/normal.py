"""Normal distributions of independent elements."""

import math
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import checked_shape
from .._types import ArrayLike, Condition, Event, Key, Scalar
from ..supports import Real
from ._base import AbstractDistribution
from ._location_scale import raw_location_scale

_LOG_2PI = math.log(2 * math.pi)


@final
class StandardNormal(AbstractDistribution):
    """Independent N(0, 1) in each element: the usual base of a flow. It has no parameters.

        log p(x) = -1/2 Σ (x² + log 2π)

    Arguments:
        shape: the shape of one event.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...] = ()):
        self.shape = checked_shape(shape)
        self.cond_shape = None

    @property
    def support(self) -> Real:
        """All real arrays."""
        return Real(self.shape)

    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        return -0.5 * jnp.sum(x * x + _LOG_2PI)

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        x = jax.random.normal(key, self.shape)
        return x, self._log_prob(x, None)


@final
class Normal(AbstractDistribution):
    """Independent N(loc, scale²) in each element.

        log p(x) = -1/2 Σ (z² + log 2π) - Σ log scale,   z = (x - loc) / scale

    Arguments:
        loc: mean, number or array; its shape broadcast with that of `scale` is the shape of one event.
        scale: standard deviation, positive. Location and scale are trained.

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
        return -jnp.sum(0.5 * (z * z + _LOG_2PI) + jnp.log(scale))

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        x = self.loc + jax.nn.softplus(self.raw_scale) * jax.random.normal(key, self.shape, self.loc.dtype)
        return x, self._log_prob(x, None)
