"""Embedding of series."""

from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._errors import require_count
from ..._shapes import Shapes
from ..._types import Key
from .._layers import ACTIVATIONS, Activation, affine, normalized, zeros
from ._base import AbstractEmbedding
from ._parts import check_widths, checked_sizes, head, masked_shapes, perceptrons, pool, pooled_size, read


@final
class SeriesEmbedding(AbstractEmbedding):
    """Embedding of a series: gated residual blocks of convolutions along time, with a dilation that doubles.

        h ← conv(x) + b(time),   h ← h + a ⊙ sigmoid(g),   (a, g) = W φ(conv(φ(norm(h))))
        result: ρ(mean_t φ(norm(h_t)), max_t φ(norm(h_t)))

    with convolutions over three steps that are 1, 2, 4, ... apart in successive blocks, so that the network sees
    2^(blocks + 1) steps together. The bias of the first layer has a value for each step, so that the network knows
    times; pass times that differ between series as a feature. The network sees inputs beyond ±5 as
    ±5 (1 + log(|x| / 5)), and learns fastest from values of order one.

    Arguments:
        key: for the initial weights.
        shape: (time, features).
        out_dim: elements of the result.
        width: channels of the hidden layers.
        blocks: number of residual blocks.
        activation: φ, "relu", "gelu", "silu" or "tanh".
        masked: whether the condition is {"values": (..., time, features), "mask": (..., time)}, with a mask that is
            true for known steps, instead of the values alone. Values of the other steps do not matter.

    Reference:
        "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling", Bai, Kolter,
        Koltun, 2018, which uses causal convolutions.
    """

    first: Array
    first_bias: Array
    blocks: tuple[tuple[Array, ...], ...]
    of_series: tuple[tuple[Array, ...], tuple[Array, ...]]
    in_shape: Shapes = eqx.field(static=True)
    out_dim: int = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        shape: tuple[int, int],
        out_dim: int = 16,
        *,
        width: int = 32,
        blocks: int = 4,
        activation: Activation = "relu",
        masked: bool = False,
    ):
        sizes = checked_sizes(shape, ("time", "features"))
        check_widths(out_dim, width, activation)
        require_count("blocks", blocks)
        convolution, gate = (3 * width, width), (width, 2 * width)
        of_series = (pooled_size(width, masked), width, out_dim)
        first, *layers, self.of_series = perceptrons(
            key, (3 * sizes[1], width), *[convolution, gate] * blocks, of_series
        )
        self.first, self.first_bias = first[0][0], zeros((width, sizes[0]))
        pairs = zip(layers[::2], layers[1::2], strict=True)
        self.blocks = tuple((w[0], b[0], w_gate[0], b_gate[0]) for (w, b), (w_gate, b_gate) in pairs)
        self.in_shape = masked_shapes(sizes, masked)
        self.out_dim = out_dim
        self.activation = activation

    def __call__(self, condition: Any) -> Float[Array, "out_dim *batch"]:
        """Return the vector, shape (out_dim, *batch), of series (time, features, *batch)."""
        values, mask = read(condition, isinstance(self.in_shape, dict), 1, self.first)
        activate = ACTIVATIONS[self.activation]

        def pointed(h: Array) -> Array:
            return activate(normalized(h, 0).astype(h.dtype))

        def convolved(w: Array, b: Array, h: Array, stride: int) -> Array:
            return affine(w, b, _neighbors(h if mask is None else jnp.where(mask, h, 0.0), stride))

        bias = self.first_bias.reshape(self.first_bias.shape + (1,) * (values.ndim - 2))
        h = convolved(self.first, jnp.zeros_like(self.first[:, 0]), jnp.moveaxis(values, 1, 0), 1) + bias
        for i, (w, b, w_gate, b_gate) in enumerate(self.blocks):
            new = affine(w_gate, b_gate, activate(convolved(w, b, pointed(h), 2**i)))
            value, opening = jnp.split(new, 2)
            h = h + value * jax.nn.sigmoid(opening)
        return head(self.of_series, self.activation, pool(pointed(h), mask))


def _neighbors(h: Float[Array, "c time *batch"], stride: int) -> Float[Array, "c3 time *batch"]:
    """Return the channels `stride` steps before, at, and `stride` steps after each step; 0 beyond the series."""
    time = h.shape[1]
    wide = jnp.pad(h, ((0, 0), (stride, stride), *[(0, 0)] * (h.ndim - 2)))
    return jnp.concatenate([wide[:, :time], h, wide[:, 2 * stride :]])
