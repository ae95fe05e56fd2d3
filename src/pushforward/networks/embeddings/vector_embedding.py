"""Embedding of numbers in a fixed order."""

import math
from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._errors import checked_shape, require_count
from ..._types import Key
from .._layers import Activation
from ._base import AbstractEmbedding
from ._parts import check_widths, head, perceptrons, read


@final
class VectorEmbedding(AbstractEmbedding):
    """Multilayer perceptron of all numbers of an array.

        h = W norm(φ(... φ(W₁ x + b₁))) + b

    Use it for numbers beside a set or a series in a `TreeEmbedding`, and for long vectors in which few numbers matter;
    a flow takes a short vector as it is. The network sees inputs beyond ±5 as ±5 (1 + log(|x| / 5)).

    Arguments:
        key: for the initial weights.
        shape: of the array, (5,) for a vector of 5 numbers.
        out_dim: elements of the result.
        width: of the hidden layers.
        layers: number of hidden layers.
        activation: φ, "relu", "gelu", "silu" or "tanh".
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    in_shape: tuple[int, ...] = eqx.field(static=True)
    out_dim: int = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        shape: tuple[int, ...],
        out_dim: int = 16,
        *,
        width: int = 64,
        layers: int = 2,
        activation: Activation = "relu",
    ):
        check_widths(out_dim, width, activation)
        require_count("layers", layers)
        self.in_shape = checked_shape(shape)
        widths = (math.prod(self.in_shape), *[width] * layers, out_dim)
        self.weights, self.biases = perceptrons(key, widths)[0]
        self.out_dim = out_dim
        self.activation = activation

    def __call__(self, condition: Any) -> Float[Array, "out_dim *batch"]:
        """Return the vector, shape (out_dim, *batch), of an array (*shape, *batch)."""
        x, _ = read(condition, False, 0, self.weights[0])
        flat = jnp.reshape(x, (math.prod(self.in_shape), *x.shape[len(self.in_shape) :]))
        return head((self.weights, self.biases), self.activation, flat)
