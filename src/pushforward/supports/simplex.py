"""Parts of a whole."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from .._arrays import as_float
from .._errors import require, require_count
from .._types import ArrayLike, Event, Whole
from ..numerics.safe import one_minus_sum
from ._base import AbstractSimpleSupport, Batch, Mask, flat


@final
class Simplex(AbstractSimpleSupport):
    """Positive parts of a whole: the first dim of dim + 1 positive numbers with sum 1.

    The others determine the last part: densities are with respect to the others, like a Dirichlet density, and `parts`
    adds the last part. Its accuracy is the rounding error of numbers near 1, so put a part last that is seldom tiny;
    the others may be as small as the dtype allows.

    Arguments:
        dim: elements of an event, one less than the number of parts.

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
        return "of positive parts, of which the last, 1 minus the others, is positive too"

    def parts(self, x: ArrayLike) -> Event:
        """Return all dim + 1 parts; the last is 1 - Σ x, without rounding errors in between.

        Arguments:
            x: events, of shape (..., dim).

        Raises:
            ValueError: if the last axis does not have length dim.
        """
        x = as_float("x", x)
        require(x.shape[-1:] == self.shape, "x", f"of shape (..., {self.shape[0]})", f"`shape {x.shape}`")
        return jnp.concatenate([x, one_minus_sum(x, axis=-1)], axis=-1)

    def outside(self, x: Batch) -> Mask:
        """Return whether any part of each event, the last part included, is not positive."""
        parts = jnp.concatenate([x, one_minus_sum(x, axis=0)])
        # Parts of 1 or more are tested one by one, because `one_minus_sum` is inexact for numbers outside [0, 1).
        return jnp.any(parts <= 0, axis=0) | jnp.any(x >= 1, axis=0)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
