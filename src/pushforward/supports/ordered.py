"""Increasing vectors."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from .._errors import require_count
from .._types import Whole
from ._base import AbstractSimpleSupport, Batch, Mask, flat


@final
class Ordered(AbstractSimpleSupport):
    """Strictly increasing vectors, x_0 < x_1 < ...

    Arguments:
        dim: elements of an event.

    Raises:
        ValueError: if `dim` is not a positive integer.
    """

    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, dim: Whole):
        require_count("dim", dim)
        self.shape = (int(dim),)

    @property
    def measure(self) -> str:
        """The measure that densities refer to."""
        return "lebesgue"

    @property
    def rule(self) -> str:
        """The property of every event, in words."""
        return "increasing"

    def outside(self, x: Batch) -> Mask:
        """Return whether each event fails to increase somewhere."""
        return jnp.any(jnp.diff(x, axis=0) <= 0, axis=0)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
