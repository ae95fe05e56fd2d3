"""Bijections side by side."""

from collections.abc import Sequence
from functools import partial
from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..._arrays import joined_shape
from ..._errors import require
from ..._types import Conditions, Events, Scalars
from ...supports import AbstractSupport, Product, Real
from ...supports.product import product
from .._base import AbstractBijection, AbstractComposite, Part, forward_batch, inverse_batch, merge_cond_shapes
from ..image import image_by_inverse, image_of
from ..onto import onto


@final
class Concatenate(AbstractComposite):
    """Bijections side by side: the event is cut along an axis, and each piece has its own map.

    The log-determinant is the sum of the parts'. The condition goes to every conditional part.

    Arguments:
        bijections: the maps in order, at least one; their shapes may differ along the axis only.
        axis: the axis to cut, from -ndim to ndim - 1.

    Raises:
        ValueError: if `bijections` is empty, the axis does not exist or the shapes do not agree.
    """

    bijections: tuple[AbstractBijection, ...]
    axis: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, bijections: Sequence[AbstractBijection], axis: int = 0):
        self.bijections = tuple(bijections)
        require(len(self.bijections) > 0, "bijections", "at least one bijection", self.bijections)
        self.shape, self.axis = joined_shape("bijections", [b.shape for b in self.bijections], axis)
        self.cond_shape = merge_cond_shapes(self.bijections)

    def parts(self) -> tuple[Part, ...]:
        """Return the maps, each with its piece of the event."""
        ends = np.cumsum([b.shape[self.axis] for b in self.bijections]).tolist()
        cuts = [slice(end - b.shape[self.axis], end) for end, b in zip(ends, self.bijections, strict=True)]
        return tuple(
            Part(f"bijections[{i}]", b, take=partial(self._take, cut), put=partial(self._put, cut))
            for i, (b, cut) in enumerate(zip(self.bijections, cuts, strict=True))
        )

    def rebuild(self, bijections: Sequence[AbstractBijection]) -> "Concatenate":
        """Return `bijections` side by side along the same axis."""
        return Concatenate(bijections, self.axis)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        parts = zip(self.bijections, self._split(z), strict=True)
        results = [forward_batch(b, part, condition) for b, part in parts]
        return self._join(results)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        parts = zip(self.bijections, self._split(x), strict=True)
        results = [inverse_batch(b, part, condition) for b, part in parts]
        return self._join(results)

    def _take(self, cut: slice, events: Events) -> Events:
        return events[(slice(None),) * self.axis + (cut,)]

    def _put(self, cut: slice, events: Events, moved: Events) -> Events:
        before, _, after = jnp.split(events, [cut.start, cut.stop], axis=self.axis)
        return jnp.concatenate([before, moved, after], axis=self.axis)

    def _split(self, events: Events) -> list[Events]:
        ends = np.cumsum([b.shape[self.axis] for b in self.bijections])
        return jnp.split(events, ends[:-1], axis=self.axis)

    def _join(self, results: list[tuple[Events, Scalars]]) -> tuple[Events, Scalars]:
        events = jnp.concatenate([part for part, _ in results], axis=self.axis)
        return events, jnp.sum(jnp.stack([log_det for _, log_det in results]), axis=0)


@onto.register
def _(support: Product) -> Concatenate:
    return Concatenate([onto(s) for s in support.supports], support.axis)


@image_of.register
def _(bijection: Concatenate, support: AbstractSupport, inverted: bool) -> AbstractSupport:
    shapes = [b.shape for b in bijection.bijections]
    if isinstance(support, Real):
        pieces = [Real(shape) for shape in shapes]
    elif isinstance(support, Product) and [s.shape for s in support.supports] == shapes:
        pieces = support.supports
    else:
        return image_by_inverse(bijection, support, inverted)
    images = [image_of(b, s, inverted) for b, s in zip(bijection.bijections, pieces, strict=True)]
    return product(images, bijection.axis)
