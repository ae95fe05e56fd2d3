"""Glow: flows of images with invertible 1 x 1 convolutions."""

from ..._errors import require_count
from ..._types import Key
from ...bijections import ActNorm, Chain, Conv1x1, Coupling, Halves, Keep, Stack
from ...distributions import Pushforward
from ...networks import Activation, Compute, ConvNetSettings
from ...numerics.keys import split_key
from .._images import checked_image, couple, elementwise, multiscale, to_interval


def glow(
    key: Key,
    shape: tuple[int, int, int],
    *,
    levels: int = 256,
    cond_dim: int = 0,
    scales: int = 2,
    steps: int = 8,
    width: int = 64,
    blocks: int = 1,
    activation: Activation = "relu",
    bins: int = 0,
    compute: Compute = None,
    keep: Keep = "products",
) -> Pushforward:
    """Glow: at each scale, steps of a normalization, an invertible 1 x 1 convolution and an affine coupling.

    A density of images whose pixels, integers from 0 to levels - 1, have noise in [0, 1) added (`noise="uniform"` of
    `pushforward.fit`). The couplings use gated residual networks; see `pushforward.networks.ConvNet`. Unlike in the
    paper, the last map is logistic, as in RealNVP, since many pixels are at an end of their range.

    Arguments:
        key: random key for the initial weights.
        shape: (height, width, channels), height and width multiples of 2^scales.
        levels: number of values of a pixel.
        cond_dim: elements of the condition, such as the number of classes of a one-hot label; 0 for none.
        scales: number of scales; half of the channels are factored out between two scales.
        steps: number of steps per scale.
        width, blocks, activation, compute: settings of the networks; see `pushforward.networks.ConvNetSettings`.
        bins: bins of the spline before each affine map; 0, as in the paper, for no splines. Splines fit pixels that are
            either dark or bright, and take little time compared with the networks.
        keep: intermediate results kept for the gradient of a step; "nothing" for the least memory. See
            `pushforward.bijections.Stack`.

    Reference:
        "Glow: Generative Flow with Invertible 1x1 Convolutions", Kingma, Dhariwal, 2018.
    """
    for name, count in {"scales": scales, "steps": steps}.items():
        require_count(name, count)
    shape = checked_image(key, shape, levels, cond_dim, 2**scales)
    univariate = elementwise(bins)

    network = ConvNetSettings(width, blocks, activation, compute)

    def coupling(key: Key, shape: tuple[int, int, int]) -> Coupling:
        return couple(key, univariate, shape, network, Halves(axis=2), cond_dim)

    def step(key: Key, shape: tuple[int, int, int]) -> Chain:
        one, two = split_key(key, 2)
        return Chain([coupling(one, shape), Conv1x1(two, shape), ActNorm(shape)])

    def after(key: Key, shape: tuple[int, int, int]) -> Stack:
        return Stack([step(k, shape) for k in split_key(key, steps)], keep=keep)

    return to_interval(multiscale(key, shape, scales, None, after, coupling), levels)
