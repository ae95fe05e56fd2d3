"""The sphere."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from .._errors import require_count
from .._types import Whole
from ._base import AbstractSimpleSupport, Batch, Mask, flat

#: The largest distance of a norm from 1: somewhat more than the rounding of data normalized in float32.
NEAR = 1e-5


@final
class Sphere(AbstractSimpleSupport):
    """Unit vectors, up to rounding: the sphere of `dim` dimensions in the space of dim + 1.

    Densities are with respect to the area of the sphere.

    Arguments:
        dim: 1 for the circle, 2 for the surface of a ball; an event has dim + 1 elements.

    Raises:
        ValueError: if `dim` is not a positive integer.
    """

    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, dim: Whole):
        require_count("dim", dim)
        self.shape = (int(dim) + 1,)

    @property
    def measure(self) -> str:
        """The measure that densities refer to."""
        return "surface"

    @property
    def rule(self) -> str:
        """The property of every event, in words."""
        return "of norm 1"

    def outside(self, x: Batch) -> Mask:
        """Return whether the norm of each event is not 1, up to rounding."""
        return jnp.abs(jnp.sqrt(jnp.sum(x * x, axis=0)) - 1) > NEAR

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
