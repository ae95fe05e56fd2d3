"""Reversal of a vector's elements."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from ..._errors import require_count
from ..._types import Condition, Event, Scalar
from .._base import AbstractBijection


@final
class Flip(AbstractBijection):
    """Reversal of the elements of a vector, f(z)_i = z_(dim - 1 - i), with log-determinant 0.

    It equals `Permute.reverse(dim)` and costs less, above all in a gradient, because it needs no look-up.

    Arguments:
        dim: number of elements.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, dim: int):
        dim = require_count("dim", dim)
        self.shape = (dim,)
        self.cond_shape = None

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return z[::-1], jnp.zeros((), z.dtype)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return x[::-1], jnp.zeros((), x.dtype)
