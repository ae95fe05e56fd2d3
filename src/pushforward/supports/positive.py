"""Positive numbers."""

from typing import ClassVar, final

import equinox as eqx

from .._errors import checked_shape
from ._base import AbstractSimpleSupport, Batch, Mask, flat


@final
class Positive(AbstractSimpleSupport):
    """Arrays of positive numbers, x > 0.

    Arguments:
        shape: the shape of one event.
    """

    measure: ClassVar[str] = "lebesgue"
    rule: ClassVar[str] = "positive"
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...] = ()):
        self.shape = checked_shape(shape)

    def outside(self, x: Batch) -> Mask:
        """Return x <= 0 for each element."""
        return x <= 0

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
