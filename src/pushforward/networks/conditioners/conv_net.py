"""Convolutional network of gated residual blocks."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float

from ..._errors import require, require_count
from ..._types import Condition, Key
from ...numerics.convolution import convolve
from ...numerics.layout import materialize, one_like
from ...numerics.products import PRODUCT, precision
from ...numerics.safe import compress_tails
from .._layers import ACTIVATIONS, Activation, Compute, checked_compute, computed_in, normalized, uniform, zeros
from ._base import AbstractConditioner


@final
class ConvNet(AbstractConditioner):
    """Convolutional network of an image and a condition: gated residual blocks, whose last layer starts at zero.

        h ← conv(x) + b(row, column),   h ← h + a ⊙ sigmoid(g),   (a, g) = conv1x1(φ(conv(φ(norm(h))) + V condition))

    and at the end conv(φ(norm(h))), with φ the activation, norm over the channels of each pixel, and convolutions of
    3 x 3 with zeros around the image. The bias of the first layer has a value for each pixel, so that the network knows
    positions where it sees half of the pixels, or centered images. The network sees inputs beyond ±5 as
    ±5 (1 + log(|x| / 5)).

    Arguments:
        key: for the initial weights.
        in_shape: (height, width, channels) of x.
        out_shape: (height, width, channels, parameters per element).
        width: channels of the hidden layers.
        blocks: number of residual blocks.
        cond_dim: elements of the condition, 0 for none.
        activation: "relu", "gelu", "silu" or "tanh".
        compute: "bfloat16" to multiply in bfloat16 and add in float32; None to compute in the dtype of x.

    Reference:
        "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood and Other Modifications",
        Salimans, Karpathy, Chen, Kingma, 2017, for the gate; "Flow++: Improving Flow-Based Generative Models with
        Variational Dequantization and Architecture Design", Ho, Chen, Srinivas, Duan, Abbeel, 2019, for its use in
        couplings.
    """

    first: Array
    first_bias: Array
    inner: tuple[Array, ...]
    inner_bias: tuple[Array, ...]
    given: tuple[Array, ...]
    gate: tuple[Array, ...]
    gate_bias: tuple[Array, ...]
    last: Array
    last_bias: Array
    in_shape: tuple[int, ...] = eqx.field(static=True)
    out_shape: tuple[int, ...] = eqx.field(static=True)
    cond_dim: int = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)
    compute: Compute = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        in_shape: tuple[int, int, int],
        out_shape: tuple[int, int, int, int],
        *,
        width: int = 64,
        blocks: int = 2,
        cond_dim: int = 0,
        activation: Activation = "relu",
        compute: Compute = None,
    ):
        for name, sizes, count in (("in_shape", in_shape, 3), ("out_shape", out_shape, 4)):
            require(len(sizes) == count, name, f"of {count} sizes", sizes)
        in_sizes = tuple(require_count("in_shape", size) for size in in_shape)
        out_sizes = tuple(require_count("out_shape", size) for size in out_shape)
        require(in_shape[:2] == out_shape[:2], "out_shape", f"of the size of the image, {in_shape[:2]}", out_shape)
        width, blocks = require_count("width", width), require_count("blocks", blocks)
        cond_dim = require_count("cond_dim", cond_dim, 0)
        require(activation in ACTIVATIONS, "activation", f"one of {tuple(ACTIVATIONS)}", activation)
        last = out_shape[2] * out_shape[3]
        shapes = [(3, 3, in_shape[2], width)]
        for _ in range(blocks):
            shapes += [(3, 3, width, width), (1, 1, width, 2 * width), *([(cond_dim, width)] if cond_dim else [])]
        first, *rest = uniform(key, shapes)
        each = 3 if cond_dim else 2
        self.first, self.first_bias = first, zeros((*in_shape[:2], width))
        self.inner, self.gate = tuple(rest[0::each]), tuple(rest[1::each])
        self.given = tuple(rest[2::each]) if cond_dim else ()
        self.inner_bias = tuple(zeros(width) for _ in range(blocks))
        self.gate_bias = tuple(zeros(2 * width) for _ in range(blocks))
        self.last, self.last_bias = zeros((3, 3, width, last)), zeros(last)
        self.in_shape = in_sizes
        self.out_shape = out_sizes
        self.cond_dim = cond_dim
        self.activation = activation
        self.compute = checked_compute(compute)

    def __call__(self, x: Float[Array, "h w c *batch"], condition: Condition = None) -> Float[Array, "h w m *batch p"]:
        """Return the parameters, shape (height, width, channels, *batch, parameters per element)."""
        batch = x.shape[3:]
        activate, dtype = ACTIVATIONS[self.activation], computed_in(self.compute, x.dtype)

        def pointed(h: Array) -> Array:
            return activate(normalized(h, -1)).astype(dtype)

        def convolved(kernel: Array, h: Array) -> Array:
            return checkpoint_name(convolve(h, kernel.astype(dtype)), PRODUCT)

        # The compiler's library expects the batch as the first axis and channels as the last.
        images = jnp.moveaxis(compress_tails(x.reshape((*self.in_shape, -1))), -1, 0).astype(dtype)
        h = convolved(self.first, images) + self.first_bias.astype(dtype)
        for i, (inner, gate) in enumerate(zip(self.inner, self.gate, strict=True)):
            new = convolved(inner, pointed(h)) + self.inner_bias[i].astype(dtype)
            if condition is not None:
                label = condition.reshape((self.cond_dim, -1)).T.astype(dtype)
                new = new + jnp.matmul(label, self.given[i].astype(dtype), precision=precision())[:, None, None]
            new = convolved(gate, activate(new)) + self.gate_bias[i].astype(dtype)
            value, opening = jnp.split(new, 2, axis=-1)
            h = h + value * jax.nn.sigmoid(opening)
        params = convolved(self.last, pointed(h)).astype(x.dtype) + self.last_bias
        height, width, channels, num_params = self.out_shape
        # Univariate maps read parameters fastest with parameters first and the batch last in memory.
        params = jnp.transpose(params.reshape((-1, height, width, num_params, channels)), (3, 1, 2, 4, 0))
        params = materialize(params, one_like(params))
        return jnp.moveaxis(params.reshape((num_params, *self.out_shape[:3], *batch)), 0, -1)
