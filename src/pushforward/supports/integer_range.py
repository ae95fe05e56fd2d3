"""Whole numbers."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from .._errors import checked_shape, require, whole
from .._types import Whole
from ._base import AbstractSimpleSupport, Batch, Mask, flat


@final
class IntegerRange(AbstractSimpleSupport):
    """Arrays of whole numbers from `low` to `high`, both included: counts, levels of pixels.

    Arguments:
        low: the smallest number.
        high: the largest number, or None for no upper end.
        shape: the shape of one event.

    Raises:
        ValueError: if an end is not a whole number, or `high` is below `low`.
    """

    low: int = eqx.field(static=True)
    high: int | None = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, low: Whole = 0, high: Whole | None = None, shape: tuple[Whole, ...] = ()):
        self.low = whole("low", low)
        self.high = None if high is None else whole("high", high)
        self.shape = checked_shape(shape)

    def __check_init__(self) -> None:
        """Check the ends."""
        require(self.high is None or self.high >= self.low, "high", f"at least `low`, {self.low}", self.high)

    @property
    def measure(self) -> str:
        """The measure that densities refer to."""
        return "counting"

    @property
    def rule(self) -> str:
        """The range of the numbers, in words."""
        return f"a whole number {f'of at least {self.low}' if self.high is None else f'from {self.low} to {self.high}'}"

    def outside(self, x: Batch) -> Mask:
        """Return whether each element is not a whole number, or lies beyond an end."""
        outside = not_whole(x) | (x < self.low)
        return outside if self.high is None else outside | (x > self.high)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)


def not_whole(x: Batch) -> Mask:
    """Return whether numbers are not whole; False for NaN and infinite numbers."""
    return jnp.abs(x - jnp.round(x)) > 0
