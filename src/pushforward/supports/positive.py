"""Positive numbers."""

from typing import final

import equinox as eqx

from .._errors import checked_shape
from .._types import Whole
from ._base import AbstractSimpleSupport, Batch, Mask, flat


@final
class Positive(AbstractSimpleSupport):
    """Arrays of positive numbers, x > 0.

    Arguments:
        shape: the shape of one event.
    """

    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, shape: tuple[Whole, ...] = ()):
        self.shape = checked_shape(shape)

    @property
    def measure(self) -> str:
        """The measure that densities refer to."""
        return "lebesgue"

    @property
    def rule(self) -> str:
        """The property of every event, in words."""
        return "positive"

    def outside(self, x: Batch) -> Mask:
        """Return x <= 0 for each element."""
        return x <= 0

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
