"""Small flows that compile in a second, and bijections that fail on purpose."""

from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from pushforward._types import Condition, Event, Scalar
from pushforward.bijections import Chain, LULinear, Standardize
from pushforward.bijections._base import AbstractBijection
from pushforward.distributions import Pushforward, StandardNormal


def gaussian(dim: int = 2) -> Any:
    """Return a flow that is any Gaussian: a fit of it has a closed-form answer."""
    return flow_of(LULinear(dim), Standardize.unfitted((dim,)))


def flow_of(*bijections: AbstractBijection) -> Any:
    return Pushforward(StandardNormal(bijections[0].shape), Chain(bijections))


@final
class LogScaleAbove(AbstractBijection):
    """z = x + log(theta) where x > threshold, else x: NaN above the threshold once theta is negative."""

    theta: Array
    threshold: float = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, theta: float, threshold: float, dim: int = 2):
        self.theta = jnp.asarray(theta)
        self.threshold = threshold
        self.shape = (dim,)
        self.cond_shape = None

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return z - jnp.log(self.theta), jnp.zeros((), z.dtype)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return jnp.where(x > self.threshold, x + jnp.log(self.theta), x), jnp.zeros((), x.dtype)


@final
class BrokenGradient(AbstractBijection):
    """z = x + sqrt(theta²) at theta = 0: the value is finite, its gradient 0 / 0."""

    theta: Array
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, dim: int = 2):
        self.theta = jnp.asarray(0.0)
        self.shape = (dim,)
        self.cond_shape = None

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return z - jnp.sqrt(self.theta**2), jnp.zeros((), z.dtype)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return x + jnp.sqrt(self.theta**2), jnp.zeros((), x.dtype)
