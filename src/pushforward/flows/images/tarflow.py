"""TarFlow: autoregressive flows of images over patches, with transformers."""

from ..._errors import require, require_count
from ..._types import Key
from ...bijections import Autoregressive, Chain, Keep, Reshape, Squeeze, Stack
from ...distributions import Pushforward
from ...networks import CausalTransformer, Compute
from ...numerics.keys import split_key
from .._images import checked_image, elementwise, to_scale


def tarflow(
    key: Key,
    shape: tuple[int, int, int],
    *,
    levels: int = 256,
    cond_dim: int = 0,
    patch: int = 4,
    blocks: int = 4,
    layers: int = 2,
    width: int = 128,
    heads: int = 4,
    bins: int = 0,
    compute: Compute = None,
    keep: Keep = "everything",
) -> Pushforward:
    """TarFlow: affine maps of the patches of an image, with parameters from the patches before, in alternating order.

    A density of images whose pixels, integers from 0 to levels - 1, have noise added: noise in [0, 1) for likelihoods
    (`noise="uniform"` of `pushforward.fit`), or normal noise for samples, which `pushforward.adapt.denoise` removes
    again: `noise=0.05 * levels / 2` is the paper's 0.05 on images from -1 to 1. Samples cost about one pass of each
    network, since keys and values are cached; `pushforward.adapt.guide` sharpens samples of a class.

    Arguments:
        key: random key for the initial weights.
        shape: (height, width, channels), height and width multiples of `patch`.
        levels: number of values of a pixel.
        cond_dim: elements of the condition, such as the number of classes of a one-hot label; 0 for none.
        patch: side of a patch, in pixels.
        blocks: number of autoregressive maps, even: they process the patches in order and in reverse by turns.
        layers: number of attention layers per map.
        width: width of the networks, a multiple of `heads`.
        heads: number of attention heads.
        bins: bins of the spline before each affine map; 0, as in the paper, for no splines. Splines fit pixels that are
            either dark or bright, and take little time compared with the networks.
        compute: "bfloat16" for matrix products of the networks in bfloat16; log-determinants stay in float32.
        keep: intermediate results kept for the gradient of a pair of blocks; "nothing" for the least memory. See
            `pushforward.bijections.Stack`.

    Reference:
        "Normalizing Flows are Capable Generative Models", Zhai et al., 2024.
    """
    counts = {"patch": patch, "blocks": blocks, "layers": layers, "width": width, "heads": heads}
    for name, count in counts.items():
        require_count(name, count)
    require(blocks % 2 == 0, "blocks", "even", blocks)
    shape = checked_image(key, shape, levels, cond_dim, patch)
    rows, columns, size = shape[0] // patch, shape[1] // patch, shape[2] * patch**2
    tokens = rows * columns
    univariate = elementwise(bins)

    def block(key: Key, order: range) -> Autoregressive:
        network = CausalTransformer(
            key,
            tokens,
            size,
            univariate.num_params,
            width=width,
            layers=layers,
            heads=heads,
            cond_dim=cond_dim,
            order=tuple(order),
            compute=compute,
        )
        return Autoregressive(network, univariate)

    def pair(key: Key) -> Chain:
        one, two = split_key(key, 2)
        return Chain([block(one, range(tokens)[::-1]), block(two, range(tokens))])

    stack = Stack([pair(k) for k in split_key(key, blocks // 2)], keep=keep)
    return to_scale(Squeeze(Reshape(stack, (rows, columns, size)), patch), levels)
