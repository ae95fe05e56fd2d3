"""A bijection run the other way."""

from typing import final

import equinox as eqx

from .._types import Condition, Event, Scalar
from ._base import AbstractBijection


@final
class Invert(AbstractBijection):
    """The inverse of a bijection: its `forward` is the other's `inverse`.

    Arguments:
        bijection: the map to invert.
    """

    bijection: AbstractBijection
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, bijection: AbstractBijection):
        self.bijection = bijection
        self.shape = bijection.shape
        self.cond_shape = bijection.cond_shape

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return self.bijection.inverse_and_log_det(z, condition)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return self.bijection.forward_and_log_det(x, condition)
