"""Embedding of images."""

from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float

from ..._errors import require_count
from ..._shapes import Shapes
from ..._types import Key
from ...numerics.convolution import convolve
from ...numerics.products import PRODUCT
from .._layers import ACTIVATIONS, Activation, normalized, uniform, zeros
from ._base import AbstractEmbedding
from ._parts import check_widths, checked_sizes, head, masked_shapes, perceptrons, pool, pooled_size, read


@final
class ImageEmbedding(AbstractEmbedding):
    """Embedding of an image: gated residual blocks of convolutions, each followed by means over 2 x 2 pixels.

        h ← conv(x) + b(row, column),   h ← means(h + a ⊙ sigmoid(g)),   (a, g) = conv1x1(φ(conv(φ(norm(h)))))
        result: ρ(mean φ(norm(h)), max φ(norm(h))) over the remaining places

    with convolutions of 3 x 3. The bias of the first layer has a value for each pixel, so that the network knows
    positions. It sees inputs beyond ±5 as ±5 (1 + log(|x| / 5)), so divide bytes by 255.

    Arguments:
        key: for the initial weights.
        shape: (height, width, channels).
        out_dim: elements of the result.
        width: channels of the hidden layers.
        blocks: number of residual blocks; an image of 2^blocks pixels across becomes one place.
        activation: φ, "relu", "gelu", "silu" or "tanh".
        masked: whether the condition is {"values": (..., height, width, channels), "mask": (..., height, width)}, with
            a mask that is true for known pixels, instead of the values alone. The mask is one more channel of the
            network, and values of the other pixels do not matter.

    Reference:
        "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood and Other Modifications",
        Salimans, Karpathy, Chen, Kingma, 2017, for the gated block.
    """

    first: Array
    first_bias: Array
    blocks: tuple[tuple[Array, ...], ...]
    of_image: tuple[tuple[Array, ...], tuple[Array, ...]]
    in_shape: Shapes = eqx.field(static=True)
    out_dim: int = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        shape: tuple[int, int, int],
        out_dim: int = 16,
        *,
        width: int = 32,
        blocks: int = 3,
        activation: Activation = "relu",
        masked: bool = False,
    ):
        sizes = checked_sizes(shape, ("height", "width", "channels"))
        check_widths(out_dim, width, activation)
        require_count("blocks", blocks)
        for_image, for_blocks = jax.random.split(key)
        kernels = [(3, 3, width, width), (1, 1, width, 2 * width)]
        first, *rest = uniform(for_blocks, [(3, 3, sizes[2] + masked, width), *kernels * blocks])
        self.first, self.first_bias = first, zeros((*sizes[:2], width))
        pairs = zip(rest[::2], rest[1::2], strict=True)
        self.blocks = tuple((inner, zeros(width), gate, zeros(2 * width)) for inner, gate in pairs)
        self.of_image = perceptrons(for_image, (pooled_size(width, False), width, out_dim))[0]
        self.in_shape = masked_shapes(sizes, masked)
        self.out_dim = out_dim
        self.activation = activation

    def __call__(self, condition: Any) -> Float[Array, "out_dim *batch"]:
        """Return the vector, shape (out_dim, *batch), of images (height, width, channels, *batch)."""
        values, mask = read(condition, isinstance(self.in_shape, dict), 2, self.first)
        if mask is not None:
            values = jnp.concatenate([values, mask[:, :, None].astype(values.dtype)], axis=2)
        activate, batch = ACTIVATIONS[self.activation], values.shape[3:]

        def pointed(h: Array) -> Array:
            return activate(normalized(h, -1).astype(h.dtype))

        def convolved(kernel: Array, h: Array) -> Array:
            return checkpoint_name(convolve(h, kernel.astype(h.dtype)), PRODUCT)

        # The compiler's library expects the batch as the first axis and channels as the last.
        images = jnp.moveaxis(values.reshape((*values.shape[:3], -1)), -1, 0)
        h = convolved(self.first, images) + self.first_bias
        for inner, inner_bias, gate, gate_bias in self.blocks:
            new = convolved(gate, activate(convolved(inner, pointed(h)) + inner_bias)) + gate_bias
            value, opening = jnp.split(new, 2, axis=-1)
            h = _halved(h + value * jax.nn.sigmoid(opening))
        places = pointed(h).reshape((len(h), -1, h.shape[-1]))
        out = head(self.of_image, self.activation, pool(jnp.transpose(places, (2, 1, 0)), None))
        return out.reshape((self.out_dim, *batch))


def _halved(h: Float[Array, "n height width c"]) -> Float[Array, "n h w c"]:
    """Return means over 2 x 2 pixels, in an odd last row or column over two pixels or one."""
    sides = [(0, size % 2 if size > 1 else 0) for size in h.shape[1:3]]
    even = jnp.pad(h, ((0, 0), *sides, (0, 0)), mode="edge")
    n, height, width, channels = even.shape
    down, across = min(2, height), min(2, width)
    return even.reshape((n, height // down, down, width // across, across, channels)).mean((2, 4))
