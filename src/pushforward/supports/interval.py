"""An interval."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from .._arrays import as_float
from .._errors import checked_shape, require
from .._fields import FIXED
from .._types import ArrayLike, Whole
from ._base import AbstractSimpleSupport, Batch, Mask, beside, flat


@final
class Interval(AbstractSimpleSupport):
    """Arrays of numbers between two ends, low < x < high.

    Arguments:
        low, high: the ends, numbers or arrays. They are not trained.
        shape: the shape of one event; by default the broadcast shape of `low` and `high`.

    Raises:
        ValueError: unless low < high, both finite.
    """

    low: Array = eqx.field(metadata=FIXED)
    high: Array = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, low: ArrayLike = 0.0, high: ArrayLike = 1.0, shape: tuple[Whole, ...] | None = None):
        ends = as_float("low", low), as_float("high", high)
        self.shape = jnp.broadcast_shapes(ends[0].shape, ends[1].shape) if shape is None else checked_shape(shape)
        self.low, self.high = (jnp.broadcast_to(end, self.shape) for end in ends)
        # Numbers cannot be checked inside `jax.jit`; there they come from a map that was checked when it was built.
        if not any(isinstance(end, Tracer) for end in (self.low, self.high)):
            finite = bool(np.all(np.isfinite(self.low)) and np.all(np.isfinite(self.high)))
            ok = finite and bool(np.all(np.asarray(self.low) < np.asarray(self.high)))
            require(ok, "low", "finite and below `high`, finite too", f"`low = {low}, high = {high}`")

    @property
    def measure(self) -> str:
        """The measure that densities refer to."""
        return "lebesgue"

    @property
    def rule(self) -> str:
        """The range of the numbers, in words."""
        ends = [np.unique(np.asarray(end)) for end in (self.low, self.high)]
        if any(end.size != 1 for end in ends):
            return "between the ends of its interval"
        return f"in ({ends[0][0]:g}, {ends[1][0]:g})"

    def outside(self, x: Batch) -> Mask:
        """Return whether each element is at an end or beyond it."""
        return (x <= beside(self.low, x)) | (x >= beside(self.high, x))

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
