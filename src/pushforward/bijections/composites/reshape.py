"""A bijection seen through another event shape."""

import math
from typing import final

import equinox as eqx

from ..._errors import checked_shape, require
from ..._types import Conditions, Events, Scalars
from .._base import AbstractBatchBijection, AbstractBijection, forward_batch, inverse_batch


@final
class Reshape(AbstractBatchBijection):
    """A bijection of events of another shape: the event is reshaped (row-major) on the way in and out.

    Arguments:
        bijection: the map.
        shape: the shape of one event, of as many elements as the bijection's.

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

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        x, log_det = forward_batch(self.bijection, z.reshape((*self.bijection.shape, z.shape[-1])), condition)
        return x.reshape((*self.shape, x.shape[-1])), log_det

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        z, log_det = inverse_batch(self.bijection, x.reshape((*self.bijection.shape, x.shape[-1])), condition)
        return z.reshape((*self.shape, z.shape[-1])), log_det
