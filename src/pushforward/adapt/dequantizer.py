"""The noise of variational dequantization."""

import jax.numpy as jnp

from .._types import Key
from ..bijections import Chain, ConvElementwise, Sigmoid, StandardizeCondition
from ..distributions import Pushforward, StandardNormal
from ..flows._assemble import MAX_LOG_SCALE
from ..flows._images import checked_image
from ..networks import Activation, Compute
from ..univariate import Affine


def dequantizer(
    key: Key,
    shape: tuple[int, int, int],
    *,
    levels: int = 256,
    width: int = 32,
    blocks: int = 1,
    activation: Activation = "relu",
    compute: Compute = None,
) -> Pushforward:
    """Noise u of (0, 1) given the image x that it is added to: logistic of normal, set for each pixel by a network.

    For any q, log P(x) >= E_q[log p(x + u) - log q(u | x)], with the equals sign where q is what p makes of the noise.
    Flows are smooth and find uniform noise, with its edges, hard to learn; this q can meet them. Pass it to
    `pushforward.fit(..., noise=...)`, which trains it along, and to `pushforward.evaluate.bits_per_dim`.

    Arguments:
        key: for the initial weights.
        shape: (height, width, channels).
        levels: number of values of a pixel.
        width: channels of the hidden layers of the network.
        blocks: residual blocks of the network.
        activation: "relu", "gelu", "silu" or "tanh".
        compute: "bfloat16" for the network's products in it.

    Reference:
        "Flow++: Improving Flow-Based Generative Models with Variational Dequantization and Architecture Design", Ho,
        Chen, Srinivas, Duan, Abbeel, 2019, section 3.1, there with couplings in place of one affine map.
    """
    shape = checked_image(key, shape, levels, 0, 1)
    settings = {"width": width, "blocks": blocks, "activation": activation, "compute": compute}
    affine = ConvElementwise(key, Affine(MAX_LOG_SCALE), shape, shape[2], **settings)
    half = jnp.full(shape, levels / 2)
    noise = StandardizeCondition(Chain([affine, Sigmoid(shape)]), half, half)
    return Pushforward(StandardNormal(shape), noise)
