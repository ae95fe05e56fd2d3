"""Named arrays as one flat vector."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import jax.numpy as jnp
from jaxtyping import Array


@final
@dataclass(frozen=True)
class Layout:
    """The places of named arrays in a flat vector.

    Attributes:
        shapes: shapes of the arrays, in order.
    """

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def dim(self) -> int:
        """The length of the vector."""
        return sum(map(math.prod, self.shapes.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the vector's elements, such as "mu" for a number and "theta[1, 0]" for a matrix."""
        names = []
        for name, shape in self.shapes.items():
            places = itertools.product(*map(range, shape))
            names += [f"{name}[{', '.join(map(str, place))}]" if shape else name for place in places]
        return tuple(names)

    def unpack(self, x: Array) -> dict[str, Array]:
        """Return the arrays of a vector."""
        arrays, start = {}, 0
        for name, shape in self.shapes.items():
            size = math.prod(shape)
            arrays[name] = x[start : start + size].reshape(shape)
            start += size
        return arrays

    def pack(self, arrays: Mapping[str, Any]) -> Array:
        """Return the vector of some arrays."""
        return jnp.concatenate([jnp.reshape(arrays[name], -1) for name in self.shapes])
