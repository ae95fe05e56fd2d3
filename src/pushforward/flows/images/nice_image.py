"""NICE on flattened images."""

import math

import numpy as np

from ..._errors import require_count
from ..._types import Key
from ...bijections import ActNorm, Chain, Coupling, Elementwise, Flip, Permute, Reshape, Stack
from ...distributions import Logistic, Pushforward
from ...networks import Activation, MLPSettings
from ...numerics.keys import split_key
from ...univariate import Affine, Shift
from .._images import checked_image, to_scale

#: Bound of the log-scale of a pixel: in a pixel that is always 0, only the noise varies, a 256th of the levels.
MAX_LOG_SCALE = 10.0


def nice_image(
    key: Key,
    shape: tuple[int, int, int],
    *,
    levels: int = 256,
    cond_dim: int = 0,
    layers: int = 4,
    hidden: tuple[int, ...] = (1000, 1000, 1000),
    activation: Activation = "relu",
) -> Pushforward:
    """NICE: additive couplings of even and odd pixels of a flattened image, a scale per pixel, and a logistic base.

    A density of images whose pixels, integers from 0 to levels - 1, have noise in [0, 1) added (`noise="uniform"` of
    `pushforward.fit`). Unlike in the paper, each pixel is also normalized (`ActNorm`).

    Arguments:
        key: random key for the initial weights.
        shape: (height, width, channels).
        levels: number of values of a pixel.
        cond_dim: elements of the condition, such as the number of classes of a one-hot label; 0 for none.
        layers: number of couplings.
        hidden, activation: settings of the networks; see `pushforward.networks.MLPSettings`.

    Reference:
        "NICE: Non-linear Independent Components Estimation", Dinh, Krueger, Bengio, 2014, section 5.1.
    """
    require_count("layers", layers)
    shape = checked_image(key, shape, levels, cond_dim, 1)
    dim = math.prod(shape)

    network = MLPSettings(hidden, activation)

    def layer(key: Key) -> Chain:
        return Chain([Coupling.mlp(key, Shift(), dim, cond_dim=cond_dim, network=network), Flip(dim)])

    couplings = Stack([layer(k) for k in split_key(key, layers)], unroll=True)
    evens_first = Permute(np.argsort(np.concatenate([np.arange(0, dim, 2), np.arange(1, dim, 2)])))
    # Additive couplings do not scale, but pixels at the edge of an image may vary hundreds of times less than others.
    core = Chain([Elementwise(Affine(MAX_LOG_SCALE), (dim,)), couplings, evens_first, ActNorm((dim,))])
    base = Logistic(np.zeros(shape), np.ones(shape))
    return to_scale(Reshape(core, shape), levels, base)
