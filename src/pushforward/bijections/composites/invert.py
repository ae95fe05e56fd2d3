"""A bijection run the other way."""

from collections.abc import Sequence
from typing import final

import equinox as eqx

from ..._types import Conditions, Events, Scalars
from .._base import AbstractBijection, AbstractComposite, Part, forward_batch, inverse_batch


@final
class Invert(AbstractComposite):
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

    def parts(self) -> tuple[Part, ...]:
        """Return the map, marked as inverted."""
        return (Part("bijection", self.bijection, inverted=True),)

    def rebuild(self, bijections: Sequence[AbstractBijection]) -> "Invert":
        """Return the inverse of the one map in `bijections`."""
        (bijection,) = bijections
        return Invert(bijection)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return inverse_batch(self.bijection, z, condition)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return forward_batch(self.bijection, x, condition)
