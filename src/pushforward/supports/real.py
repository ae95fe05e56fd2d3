"""All real numbers."""

from typing import ClassVar, final

import equinox as eqx
import jax.numpy as jnp

from .._errors import checked_shape
from ._base import AbstractSimpleSupport, Batch, Mask, flat


@final
class Real(AbstractSimpleSupport):
    """All real arrays of a shape.

    Arguments:
        shape: the shape of one event.
    """

    measure: ClassVar[str] = "lebesgue"
    rule: ClassVar[str] = "a real number"
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...] = ()):
        self.shape = checked_shape(shape)

    def outside(self, x: Batch) -> Mask:
        """Return False for each element."""
        return jnp.zeros(x.shape, bool)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
