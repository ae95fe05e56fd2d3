"""The sphere."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from .._errors import require_count
from .._types import Whole
from ._base import AbstractSimpleSupport, Batch, Mask, flat

#: How far from 1 the norm of a vector may be: the rounding of float32, in which data were normalized, and some more.
NEAR = 1e-5


@final
class Sphere(AbstractSimpleSupport):
    """Unit vectors: the sphere of `dim` dimensions in the space of dim + 1, up to rounding.

    A density is one with respect to the area of the sphere.

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
        """What a density is a density with respect to."""
        return "surface"

    @property
    def rule(self) -> str:
        """What every event is."""
        return "of norm 1"

    def outside(self, x: Batch) -> Mask:
        """Return whether the norm of each event is not 1, up to rounding."""
        return jnp.abs(jnp.sqrt(jnp.sum(x * x, axis=0)) - 1) > NEAR

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
