"""The identity."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from ..._errors import checked_shape
from ..._types import Condition, Event, Scalar
from ...supports import Real
from .._base import AbstractBijection
from ..onto import onto


@final
class Identity(AbstractBijection):
    """The identity, f(z) = z.

    Arguments:
        shape: the shape of one event.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...] = ()):
        self.shape = checked_shape(shape)
        self.cond_shape = None

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return z, jnp.zeros((), z.dtype)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return x, jnp.zeros((), x.dtype)


@onto.register
def _(support: Real) -> Identity:
    return Identity(support.shape)
