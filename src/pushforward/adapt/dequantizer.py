"""The noise of variational dequantization."""

import jax.numpy as jnp

from .._types import Key
from ..bijections import Chain, Elementwise, Sigmoid, StandardizeCondition
from ..distributions import Pushforward, StandardNormal
from ..flows._assemble import MAX_LOG_SCALE
from ..flows._images import checked_image
from ..networks import Activation, Compute, ConvNetSettings
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
    """Noise u in (0, 1) given the image x to which it is added: logit-normal, with parameters from a network.

    For any q, log P(x) >= E_q[log p(x + u) - log q(u | x)], with equality if q(u | x) is the posterior of u under p.
    Flows are smooth and learn the edges of uniform noise badly; this q can adapt to the flow. Pass it to
    `pushforward.fit(..., noise=...)`, which trains it with the flow, and to `pushforward.evaluate.bits_per_dim`.

    Arguments:
        key: random key for the initial weights.
        shape: (height, width, channels).
        levels: number of values of a pixel.
        width, blocks, activation, compute: settings of the network; see `pushforward.networks.ConvNetSettings`.

    Reference:
        "Flow++: Improving Flow-Based Generative Models with Variational Dequantization and Architecture Design", Ho,
        Chen, Srinivas, Duan, Abbeel, 2019, section 3.1, with couplings instead of one affine map.
    """
    shape = checked_image(key, shape, levels, 0, 1)
    affine = Affine(MAX_LOG_SCALE)
    network = ConvNetSettings(width, blocks, activation, compute).build(key, shape, (*shape, affine.num_params))
    half = jnp.full(shape, levels / 2)
    noise = StandardizeCondition(Chain([Elementwise(affine, shape, network), Sigmoid(shape)]), half, half)
    return Pushforward(StandardNormal(shape), noise)
