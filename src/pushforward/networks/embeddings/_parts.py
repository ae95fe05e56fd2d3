"""Parts that the embeddings share: reading inputs, pooling over elements, last layers."""

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..._errors import require, require_count
from ..._shapes import Shapes, frozen
from ..._types import Key
from ...numerics.safe import compress_tails
from .._layers import ACTIVATIONS, Activation, affine, initial_layers, normalized

#: Weights and biases of the layers of a perceptron.
Layers = tuple[tuple[Array, ...], tuple[Array, ...]]


def masked_shapes(shape: tuple[int, ...], masked: bool) -> Shapes:
    """Return the shapes of a condition; if `masked`, elements along all axes but the last may be missing."""
    return frozen({"values": shape, "mask": shape[:-1]}) if masked else shape


def checked_sizes(shape: Any, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the shape of a condition, after a check that it has an axis for each name."""
    rule = f"a tuple ({', '.join(names)})"
    require(isinstance(shape, (tuple, list)) and len(shape) == len(names), "shape", rule, shape)
    for size in shape:
        require_count("shape", size)
    return tuple(int(size) for size in shape)


def read(condition: Any, masked: bool, channels: int, like: Array) -> tuple[Array, Array | None]:
    """Return the values as a network sees them, zero where they are missing, and the mask; None without a mask.

    Arguments:
        condition: values, or values and a mask.
        masked: whether there is a mask.
        channels: the axis of the values that the mask lacks.
        like: an array of the dtype to which integers and booleans are converted.
    """
    if not masked:
        return _seen(condition, like), None
    mask = condition["mask"] != 0
    # A missing value may be any number, NaN included.
    return jnp.where(jnp.expand_dims(mask, channels), _seen(condition["values"], like), 0.0), mask


def _seen(values: Array, like: Array) -> Array:
    return compress_tails(values if jnp.issubdtype(values.dtype, jnp.floating) else values.astype(like.dtype))


def pool(h: Float[Array, "width n *batch"], mask: Bool[Array, "n *batch"] | None) -> Float[Array, "m *batch"]:
    """Return the mean and the maximum over the elements and, with a mask, log(1 + number of elements).

    All are zero without any element. The number of elements shows how much is known.
    """
    if mask is None:
        return jnp.concatenate([h.mean(1), _largest(h)])
    count = mask.sum(0).astype(h.dtype)
    mean = jnp.where(mask, h, 0.0).sum(1) / jnp.maximum(count, 1.0)
    largest = _largest(jnp.where(mask, h, jnp.finfo(h.dtype).min))
    return jnp.concatenate([mean, jnp.where(count > 0, largest, 0.0), jnp.log1p(count)[None]])


def _largest(h: Float[Array, "width n *batch"]) -> Float[Array, "width *batch"]:
    """Return the maximum over the elements.

    The gradient of `max` goes to the elements that are equal to it. Where the compiler computes these a second time,
    and rounds otherwise, there are none, and the gradient is 0 / 0. So the largest is looked up by its place.
    """
    place = jnp.argmax(jax.lax.stop_gradient(h), axis=1, keepdims=True)
    return jnp.take_along_axis(h, place, axis=1).squeeze(1)


def pooled_size(width: int, masked: bool) -> int:
    """Return the number of values that `pool` gives."""
    return 2 * width + masked


def check_widths(out_dim: int, width: int, activation: Activation) -> None:
    """Check the settings that all embeddings share."""
    require_count("out_dim", out_dim)
    require_count("width", width, 2)
    require(activation in ACTIVATIONS, "activation", f"one of {tuple(ACTIVATIONS)}", activation)


def perceptrons(key: Key, *widths: Sequence[int]) -> list[Layers]:
    """Draw the weights and biases of several perceptrons, given the widths of each, inputs first."""
    masks = [[np.ones((above, below), bool) for below, above in pairwise(each)] for each in widths]
    weights, biases = initial_layers(key, list(chain(*masks)))
    ends = np.cumsum([0, *map(len, masks)])
    return [(weights[start:end], biases[start:end]) for start, end in pairwise(ends)]


def activated(layers: Layers, activation: Activation, h: Float[Array, "n *batch"]) -> Float[Array, "m *batch"]:
    """Return h after these hidden layers."""
    for w, b in zip(*layers, strict=True):
        h = ACTIVATIONS[activation](affine(w, b, h))
    return h


def head(layers: Layers, activation: Activation, h: Float[Array, "n *batch"]) -> Float[Array, "out *batch"]:
    """Return W norm(h) + b, where h has passed all layers but the last: of order one, however large h is."""
    weights, biases = layers
    h = activated((weights[:-1], biases[:-1]), activation, h)
    return affine(weights[-1], biases[-1], normalized(h, 0).astype(h.dtype))
