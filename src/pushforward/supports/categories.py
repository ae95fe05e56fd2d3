"""Categories."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax.numpy as jnp

from .._errors import checked_shape, require, require_count
from .._types import Whole
from ._base import AbstractSimpleSupport, Batch, Mask, flat
from .integer_range import not_whole


@final
class Categories(AbstractSimpleSupport):
    """Arrays of categories without order, held as the numbers 0, 1, ..., n - 1.

    A network sees each category as n numbers: 1 at the place of the category, 0 elsewhere.

    Arguments:
        categories: the number of categories, or their names in the order of their numbers.
        shape: the shape of one event.

    Raises:
        ValueError: if there is no category, or two categories have the same name.
    """

    count: int = eqx.field(static=True)
    names: tuple[str, ...] | None = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, categories: Whole | Sequence[str], shape: tuple[Whole, ...] = ()):
        if isinstance(categories, Sequence):
            named = not isinstance(categories, str) and all(isinstance(name, str) for name in categories)
            require(named and len(categories) > 0, "categories", "a number, or a list of names", categories)
            require(len(set(categories)) == len(categories), "categories", "names that differ", categories)
            self.count, self.names = len(categories), tuple(map(str, categories))
        else:
            require_count("categories", categories)
            self.count, self.names = int(categories), None
        self.shape = checked_shape(shape)

    @property
    def measure(self) -> str:
        """The measure that densities refer to."""
        return "counting"

    @property
    def rule(self) -> str:
        """The numbers of the categories, in words."""
        return f"the number of a category, 0 to {self.count - 1}"

    def outside(self, x: Batch) -> Mask:
        """Return whether each element is not the number of a category."""
        return not_whole(x) | (x < 0) | (x > self.count - 1)

    def features(self, x: Batch) -> Batch:
        """Return n numbers for each element, one after the other: 1 for its category, 0 for the others."""
        each = flat(self, x)
        places = jnp.expand_dims(jnp.arange(self.count, dtype=x.dtype), tuple(range(1, each.ndim)))
        hot = jnp.where(each[:, None] == places, jnp.ones((), x.dtype), jnp.zeros((), x.dtype))
        return jnp.where(jnp.isnan(each[:, None]), each[:, None], hot).reshape((-1, *each.shape[1:]))
