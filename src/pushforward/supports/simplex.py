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
    """Positive parts of a whole: the first dim of dim + 1 positive numbers of sum 1.

    The last part is no free number: a density is one with respect to the others, as a Dirichlet distribution's, and
    `parts` adds it. It is known from the others to the rounding of numbers near 1 and no better, so let a part that is
    seldom tiny come last; the others may be as small as the dtype allows.

    Arguments:
        dim: elements of an event, one less than there are parts.

    Raises:
        ValueError: if `dim` is not a positive integer.
    """

    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, dim: Whole):
        require_count("dim", dim)
        self.shape = (int(dim),)

    @property
    def measure(self) -> str:
        """What a density is a density with respect to."""
        return "lebesgue"

    @property
    def rule(self) -> str:
        """What every event is."""
        return "of positive parts, of which the last, 1 minus the others, is positive too"

    def parts(self, x: ArrayLike) -> Event:
        """Return all dim + 1 parts, of which the last is 1 - Σ x without rounding on the way.

        Arguments:
            x: events, of shape (..., dim).

        Raises:
            ValueError: if the last axis is not of length dim.
        """
        x = as_float("x", x)
        require(x.shape[-1:] == self.shape, "x", f"of shape (..., {self.shape[0]})", f"`shape {x.shape}`")
        return jnp.concatenate([x, one_minus_sum(x, axis=-1)], axis=-1)

    def outside(self, x: Batch) -> Mask:
        """Return whether a part of each event is not positive, the last one included."""
        parts = jnp.concatenate([x, one_minus_sum(x, axis=0)])
        # A part above 1 is asked for by itself: the sum of numbers that are not in [0, 1) is not exact.
        return jnp.any(parts <= 0, axis=0) | jnp.any(x >= 1, axis=0)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)
