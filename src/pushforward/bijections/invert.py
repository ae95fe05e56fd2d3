"""A bijection run the other way."""

from typing import final

from .._types import Condition, Event, Scalar
from ._base import AbstractBijection


@final
class Invert(AbstractBijection):
    """The inverse of a bijection: its `forward` is the other's `inverse`.

    Arguments:
        bijection: the map to invert.
    """

    bijection: AbstractBijection

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one event."""
        return self.bijection.shape

    @property
    def cond_shape(self) -> tuple[int, ...] | None:
        """The shape of one condition, None for an unconditional map."""
        return self.bijection.cond_shape

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return self.bijection.inverse_and_log_det(z, condition)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return self.bijection.forward_and_log_det(x, condition)
