"""The parts that all flows of images share: checks, the map to pixels, and the multiscale frame."""

from collections.abc import Callable

import jax.numpy as jnp

from .._errors import checked_shape, require, require_count, require_key
from .._types import Key
from ..bijections import (
    AbstractBijection,
    AbstractSplit,
    Chain,
    Concatenate,
    Coupling,
    Identity,
    Sigmoid,
    Squeeze,
    Standardize,
)
from ..distributions import AbstractDistribution, Pushforward, StandardNormal
from ..networks import ConvNetSettings
from ..numerics.keys import split_key
from ..univariate import AbstractUnivariate, Affine, Compose, RationalQuadratic
from ._assemble import MAX_LOG_SCALE

#: Margin beyond each end of the pixels' values, as a share of the interval, so that the logistic map does not send
#: pixels at an end far into the tails.
MARGIN = 0.05
#: Splines act on [-bound, bound], in standard deviations.
SPLINE_BOUND = 5.0


def checked_image(key: Key, shape: tuple[int, ...], levels: int, cond_dim: int, multiple: int) -> tuple[int, int, int]:
    """Return the shape of an image, after a check of the arguments that all flows of images share.

    Arguments:
        key: a random key.
        shape: (height, width, channels).
        levels: values of a pixel, 0, ..., levels - 1.
        cond_dim: elements of the condition.
        multiple: number of which height and width must be multiples.
    """
    require_key(key)
    shape = checked_shape(shape)
    require(len(shape) == 3 and min(shape) > 0, "shape", "(height, width, channels)", shape)
    require_count("levels", levels, 2)
    require_count("cond_dim", cond_dim, 0)
    fits = shape[0] % multiple == 0 and shape[1] % multiple == 0
    remedy = "Fewer scales or a smaller patch do, or pad the images."
    require(fits, "shape", f"of height and width that are multiples of {multiple}", shape, remedy)
    return shape[0], shape[1], shape[2]


def couple(
    key: Key,
    univariate: AbstractUnivariate,
    shape: tuple[int, int, int],
    network: ConvNetSettings,
    split: AbstractSplit,
    cond_dim: int,
) -> Coupling:
    """Return the coupling of an image by a convolutional network."""
    (height, width, seen), (_, _, moved) = split.shapes(shape)
    out_shape = (height, width, moved, univariate.num_params)
    return Coupling(network.build(key, (height, width, seen), out_shape, cond_dim), univariate, split, shape)


def elementwise(bins: int) -> AbstractUnivariate:
    """Return the map of each element: affine, or a spline of `bins` bins followed by an affine map."""
    require_count("bins", bins, 0)
    affine = Affine(MAX_LOG_SCALE)
    return Compose((RationalQuadratic(bins, SPLINE_BOUND), affine)) if bins else affine


def to_interval(core: AbstractBijection, levels: int, base: AbstractDistribution | None = None) -> Pushforward:
    """Return the flow of a bijection followed by a logistic map onto the pixels' values with a margin at each end."""
    margin = levels * MARGIN / (1 - 2 * MARGIN)
    pixels = Sigmoid(core.shape, -margin, levels + margin)
    return Pushforward(StandardNormal(core.shape) if base is None else base, Chain([core, pixels]))


def to_scale(core: AbstractBijection, levels: int, base: AbstractDistribution | None = None) -> Pushforward:
    """Return the flow of a bijection onto (-1, 1) followed by the scale and location of the pixels' values."""
    half = jnp.full(core.shape, levels / 2)
    return Pushforward(StandardNormal(core.shape) if base is None else base, Chain([core, Standardize(half, half)]))


def multiscale(
    key: Key,
    shape: tuple[int, int, int],
    scales: int,
    before: Callable[[Key, tuple[int, int, int]], AbstractBijection] | None,
    after: Callable[[Key, tuple[int, int, int]], AbstractBijection],
    prior: Callable[[Key, tuple[int, int, int]], Coupling],
) -> AbstractBijection:
    """Build a multiscale flow: each scale squeezes the image, maps it, and factors out half of its channels.

    Given the remaining channels, the channels factored out are normal, with mean and scale from a network of the
    remaining channels: a coupling between the two halves.

    Arguments:
        key: random key for the initial weights.
        shape: (height, width, channels) of the image.
        scales: number of scales, the last of which keeps all channels.
        before: a function that builds the map before the squeeze; None for none.
        after: a function that builds the map after the squeeze.
        prior: a function that builds the coupling between the two halves of the channels.

    Reference:
        "Density Estimation using Real NVP", Dinh, Sohl-Dickstein, Bengio, 2017, section 3.6; "Glow: Generative Flow
        with Invertible 1x1 Convolutions", Kingma, Dhariwal, 2018, for the learned mean and scale.
    """
    rest, key_before, key_after, key_prior = split_key(key, 4)
    height, width, channels = shape
    squeezed = (height // 2, width // 2, 4 * channels)
    parts: list[AbstractBijection] = []
    if scales > 1:
        half = (*squeezed[:2], 2 * channels)
        parts += [Concatenate([multiscale(rest, half, scales - 1, before, after, prior), Identity(half)], axis=-1)]
        parts += [prior(key_prior, squeezed)]
    squeeze = Squeeze(Chain([*parts, after(key_after, squeezed)]))
    return squeeze if before is None else Chain([squeeze, before(key_before, shape)])
