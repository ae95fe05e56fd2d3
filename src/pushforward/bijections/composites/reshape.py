"""A bijection seen through another event shape."""

import math
from collections.abc import Sequence
from typing import final

import equinox as eqx

from ..._errors import checked_shape, require
from ..._types import Conditions, Events, Scalars
from .._base import AbstractBijection, AbstractComposite, Part, forward_batch, inverse_batch


@final
class Reshape(AbstractComposite):
    """A bijection of events of another shape: the event is reshaped (row-major) on the way in and out.

    Arguments:
        bijection: the map.
        shape: the shape of one event, with as many elements as the bijection's.

    Raises:
        ValueError: if the numbers of elements differ.
    """

    bijection: AbstractBijection
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, bijection: AbstractBijection, shape: tuple[int, ...]):
        self.bijection = bijection
        self.shape = checked_shape(shape)
        self.cond_shape = bijection.cond_shape

    def __check_init__(self) -> None:
        """Check the number of elements."""
        inner = self.bijection.shape
        require(math.prod(self.shape) == math.prod(inner), "shape", f"of as many elements as {inner}", self.shape)

    def parts(self) -> tuple[Part, ...]:
        """Return the map, which sees the event in its own shape."""
        return (Part("bijection", self.bijection, take=self._inward, put=self._outward),)

    def rebuild(self, bijections: Sequence[AbstractBijection]) -> "Reshape":
        """Return the one map in `bijections`, seen through the same shape."""
        (bijection,) = bijections
        return Reshape(bijection, self.shape)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        x, log_det = forward_batch(self.bijection, self._inward(z), condition)
        return self._outward(z, x), log_det

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        z, log_det = inverse_batch(self.bijection, self._inward(x), condition)
        return self._outward(x, z), log_det

    def _inward(self, events: Events) -> Events:
        return events.reshape((*self.bijection.shape, events.shape[-1]))

    def _outward(self, _: Events, inner: Events) -> Events:
        return inner.reshape((*self.shape, inner.shape[-1]))
