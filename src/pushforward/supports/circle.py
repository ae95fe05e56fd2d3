"""The circle."""

import math
from typing import final

import equinox as eqx
import jax.numpy as jnp

from .._errors import checked_shape, require
from .._types import Whole
from ._base import AbstractSimpleSupport, Batch, Mask, flat


@final
class Circle(AbstractSimpleSupport):
    """Arrays of angles, 0 <= x < period, where 0 and the period are one point; with more than one element, a torus.

    A network sees cos and sin of 2π x / period. Densities are with respect to the angle, per unit of x.

    Arguments:
        period: one turn in the units of x, such as 2π, 360 (degrees) or 24 (hours).
        shape: the shape of one event.

    Raises:
        ValueError: if the period is not positive and finite.
    """

    period: float = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, period: float = 2 * math.pi, shape: tuple[Whole, ...] = ()):
        self.period = float(period)
        self.shape = checked_shape(shape)

    def __check_init__(self) -> None:
        """Check the period."""
        require(0 < self.period < math.inf, "period", "positive and finite", self.period)

    @property
    def measure(self) -> str:
        """The measure that densities refer to."""
        return "lebesgue"

    @property
    def rule(self) -> str:
        """The range of the angles, in words."""
        return f"an angle of [0, {self.period:g})"

    def outside(self, x: Batch) -> Mask:
        """Return whether each element is not within the first turn."""
        return (x < 0) | (x >= self.period)

    def features(self, x: Batch) -> Batch:
        """Return the cosines of all angles, then their sines."""
        angle = flat(self, x) * (2 * math.pi / self.period)
        return jnp.concatenate([jnp.cos(angle), jnp.sin(angle)])
