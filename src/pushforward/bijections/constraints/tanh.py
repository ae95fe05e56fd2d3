"""Map from the line onto (-1, 1), by the hyperbolic tangent."""

import math
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp

from ..._errors import checked_shape
from ..._types import Condition, Event, Scalar
from ...numerics.safe import into_open_interval
from ...supports import Interval
from ._base import AbstractConstraint


@final
class Tanh(AbstractConstraint):
    """Hyperbolic tangent, f(z) = tanh(z), onto (-1, 1).

        log|det df/dz| = Σ 2 (log 2 - z - softplus(-2z))

    This form stays accurate where 1 - tanh² rounds to zero. A value that rounds to ±1 is replaced by the number next
    to it. At ±1 and outside, the inverse has log-determinant -inf: the density there is zero.

    Arguments:
        shape: the shape of one event.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...] = ()):
        self.shape = checked_shape(shape)
        self.cond_shape = None

    @property
    def codomain(self) -> Interval:
        """The interval (-1, 1)."""
        return Interval(-1.0, 1.0, self.shape)

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        one = jnp.ones((), z.dtype)
        # The derivative is even in z, and in terms of |z| no large numbers cancel.
        far = jnp.abs(z)
        log_derivative = 2 * (math.log(2) - far - jax.nn.softplus(-2 * far))
        return into_open_interval(jnp.tanh(z), -one, one), log_derivative.sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        outside = self.codomain.outside(x)
        safe = jnp.where(outside, 0.0, x)
        z = 0.5 * (jnp.log1p(safe) - jnp.log1p(-safe))
        log_derivative = -jnp.log1p(safe) - jnp.log1p(-safe)
        return z, jnp.where(outside, -jnp.inf, log_derivative).sum()
