"""Supports side by side."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from .._arrays import joined_shape
from .._errors import require
from .._types import ArrayLike, Whole
from ._base import AbstractSupport, Batch, Mask, checked_event, events_outside
from .real import Real


@final
class Product(AbstractSupport):
    """Supports side by side: the event is cut along an axis, and each piece has its own set.

    A network sees the features of the pieces one after the other.

    Arguments:
        supports: the sets in order, at least one; their shapes may differ along the axis only.
        axis: the axis to cut, from -ndim to ndim - 1.

    Raises:
        ValueError: if `supports` is empty, the axis does not exist or the shapes do not agree.
    """

    supports: tuple[AbstractSupport, ...]
    axis: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, supports: Sequence[AbstractSupport], axis: Whole = 0):
        self.supports = tuple(supports)
        require(len(self.supports) > 0, "supports", "at least one support", self.supports)
        self.shape, self.axis = joined_shape("supports", [s.shape for s in self.supports], axis)

    @property
    def measure(self) -> str:
        """The product of the measures of the pieces."""
        return " x ".join(dict.fromkeys(s.measure for s in self.supports))

    @property
    def rule(self) -> str:
        """The rules of the pieces."""
        return ", ".join(f"{s.rule} in part {i}" for i, s in enumerate(self.supports))

    def outside(self, x: Batch) -> Mask:
        """Return whether any piece of each event is outside its set."""
        masks = [events_outside(s, piece) for s, piece in zip(self.supports, self._pieces(x), strict=True)]
        return jnp.any(jnp.stack(masks), axis=0)

    def features(self, x: Batch) -> Batch:
        """Return the features of the pieces, one after the other."""
        pieces = zip(self.supports, self._pieces(x), strict=True)
        return jnp.concatenate([s.features(piece) for s, piece in pieces])

    def explain(self, x: ArrayLike) -> str:
        """Return which parts of one event break which rule, such as "in part 1, element 0 is -1, not positive"."""
        pieces = zip(self.supports, self._pieces(checked_event(self, x)), strict=True)
        broken = ((i, s.explain(piece)) for i, (s, piece) in enumerate(pieces))
        return "; ".join(f"in part {i}, {why}" for i, why in broken if why)

    def _pieces(self, x: Batch) -> list[Batch]:
        ends = np.cumsum([s.shape[self.axis] for s in self.supports])
        return jnp.split(x, ends[:-1], axis=self.axis)


def product(supports: Sequence[AbstractSupport], axis: Whole) -> AbstractSupport:
    """Return supports side by side: all real arrays if each of them is, else their `Product`."""
    joined = Product(supports, axis)
    return Real(joined.shape) if all(isinstance(s, Real) for s in supports) else joined
