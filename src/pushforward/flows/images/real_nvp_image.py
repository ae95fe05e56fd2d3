"""RealNVP of images: checkerboard and channel couplings at several scales."""

from ..._errors import require_count
from ..._types import Key
from ...bijections import AbstractSplit, ActNorm, Chain, Checkerboard, Coupling, Halves, Keep, Stack
from ...distributions import Pushforward
from ...networks import Activation, Compute, ConvNetSettings
from ...numerics.keys import split_key
from .._images import checked_image, couple, elementwise, multiscale, to_interval


def real_nvp_image(
    key: Key,
    shape: tuple[int, int, int],
    *,
    levels: int = 256,
    cond_dim: int = 0,
    scales: int = 2,
    pairs: int = 2,
    width: int = 64,
    blocks: int = 2,
    activation: Activation = "relu",
    bins: int = 0,
    compute: Compute = None,
    keep: Keep = "products",
) -> Pushforward:
    """RealNVP of images: at each scale, affine checkerboard couplings, a squeeze, then affine channel couplings.

    A density of images whose pixels, integers from 0 to levels - 1, have noise in [0, 1) added (`noise="uniform"` of
    `pushforward.fit`). Unlike in the paper, it uses `ActNorm` instead of batch normalization, and the channels factored
    out between two scales have a learned mean and scale.

    Arguments:
        key: random key for the initial weights.
        shape: (height, width, channels), height and width multiples of 2^scales.
        levels: number of values of a pixel.
        cond_dim: elements of the condition, such as the number of classes of a one-hot label; 0 for none.
        scales: number of scales; half of the channels are factored out between two scales.
        pairs: number of pairs of couplings, each part on the other, before and after each squeeze.
        width, blocks, activation, compute: settings of the networks; see `pushforward.networks.ConvNetSettings`.
        bins: bins of the spline before each affine map; 0, as in the paper, for no splines. Splines fit pixels that are
            either dark or bright, and take little time compared with the networks.
        keep: intermediate results kept for the gradient of a layer; "nothing" for the least memory. See
            `pushforward.bijections.Stack`.

    Reference:
        "Density Estimation using Real NVP", Dinh, Sohl-Dickstein, Bengio, 2017.
    """
    for name, count in {"scales": scales, "pairs": pairs}.items():
        require_count(name, count)
    shape = checked_image(key, shape, levels, cond_dim, 2**scales)
    univariate = elementwise(bins)

    network = ConvNetSettings(width, blocks, activation, compute)

    def coupling(key: Key, shape: tuple[int, int, int], split: AbstractSplit) -> Coupling:
        return couple(key, univariate, shape, network, split, cond_dim)

    def layers(key: Key, shape: tuple[int, int, int], first: AbstractSplit, second: AbstractSplit) -> Stack:
        def pair(key: Key) -> Chain:
            turns = zip(split_key(key, 2), (first, second), strict=True)
            return Chain([part for k, split in turns for part in (coupling(k, shape, split), ActNorm(shape))])

        return Stack([pair(k) for k in split_key(key, pairs)], keep=keep)

    core = multiscale(
        key,
        shape,
        scales,
        lambda key, shape: layers(key, shape, Checkerboard(), Checkerboard(other=True)),
        lambda key, shape: layers(key, shape, Halves(axis=2), Halves(axis=2, other=True)),
        lambda key, shape: coupling(key, shape, Halves(axis=2)),
    )
    return to_interval(core, levels)
