"""Embedding of sets."""

from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._errors import require_count
from ..._shapes import Shapes
from ..._types import Key
from .._layers import Activation
from ._base import AbstractEmbedding
from ._parts import activated, check_widths, checked_sizes, head, masked_shapes, perceptrons, pool, pooled_size, read


@final
class DeepSet(AbstractEmbedding):
    """Embedding of a set, which does not depend on the order of its elements.

        h = ρ(mean_i φ(x_i), max_i φ(x_i))

    with perceptrons φ and ρ; ρ has one hidden layer. With a mask, means and maxima are over the elements in the set,
    and ρ also sees their number; values of the other elements do not matter. The network sees inputs beyond ±5 as
    ±5 (1 + log(|x| / 5)), and learns fastest from values of order one.

    Arguments:
        key: for the initial weights.
        shape: (elements, features).
        out_dim: elements of the result.
        width: of the hidden layers.
        layers: number of hidden layers of φ.
        activation: "relu", "gelu", "silu" or "tanh".
        masked: whether the condition is {"values": (..., elements, features), "mask": (..., elements)}, with a mask
            that is true for elements in the set, instead of the values alone.

    Reference:
        "Deep Sets", Zaheer, Kottur, Ravanbakhsh, Poczos, Salakhutdinov, Smola, 2017.
    """

    of_elements: tuple[tuple[Array, ...], tuple[Array, ...]]
    of_set: tuple[tuple[Array, ...], tuple[Array, ...]]
    in_shape: Shapes = eqx.field(static=True)
    out_dim: int = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        shape: tuple[int, int],
        out_dim: int = 16,
        *,
        width: int = 64,
        layers: int = 2,
        activation: Activation = "relu",
        masked: bool = False,
    ):
        sizes = checked_sizes(shape, ("elements", "features"))
        check_widths(out_dim, width, activation)
        require_count("layers", layers)
        inner = (sizes[1], *[width] * layers)
        outer = (pooled_size(width, masked), width, out_dim)
        self.of_elements, self.of_set = perceptrons(key, inner, outer)
        self.in_shape = masked_shapes(sizes, masked)
        self.out_dim = out_dim
        self.activation = activation

    def __call__(self, condition: Any) -> Float[Array, "out_dim *batch"]:
        """Return the vector, shape (out_dim, *batch), of sets (elements, features, *batch)."""
        masked = isinstance(self.in_shape, dict)
        values, mask = read(condition, masked, 1, self.of_set[0][0])
        h = activated(self.of_elements, self.activation, jnp.moveaxis(values, 1, 0))
        return head(self.of_set, self.activation, pool(h, mask))
