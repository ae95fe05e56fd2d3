"""Map from the line onto the positive numbers, by the exponential."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from ..._errors import checked_shape
from ..._types import Condition, Event, Scalar
from ...supports import Positive
from ._base import AbstractConstraint


@final
class Exp(AbstractConstraint):
    """Exponential, f(z) = exp(z), onto the positive numbers, with log-determinant Σ z.

    Outside the support (x <= 0) the inverse has log-determinant -inf: the density there is zero.

    Arguments:
        shape: the shape of one event.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...] = ()):
        self.shape = checked_shape(shape)
        self.cond_shape = None

    @property
    def codomain(self) -> Positive:
        """The positive numbers."""
        return Positive(self.shape)

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return jnp.exp(z), z.sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        outside = self.codomain.outside(x)
        z = jnp.log(jnp.where(outside, 1.0, x))
        return z, jnp.where(outside, -jnp.inf, -z).sum()
