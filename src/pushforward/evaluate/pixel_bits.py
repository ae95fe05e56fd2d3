"""The bits of each pixel of an image, given all other pixels."""

import math

import jax
import numpy as np
from jaxtyping import Float

from .._arrays import as_float
from .._errors import require, require_count, require_key
from .._types import ArrayLike, Key
from ..distributions._base import AbstractDistribution
from ._pairs import checked_pairs
from .bits_per_dim import dequantized, require_pixels

#: Number of images evaluated together, unless `grid` is larger.
TOGETHER = 1024


def pixel_bits(
    key: Key,
    flow: AbstractDistribution,
    image: ArrayLike,
    condition: ArrayLike | None = None,
    *,
    levels: int = 256,
    grid: int | None = None,
) -> Float[np.ndarray, "..."]:
    """Return the bits of each pixel of an image given all other pixels: its surprise in its context.

        y = x + u,   bits_i = -log₂ p(y_i | y_rest) = -log₂ p(y) / (w Σ_j p(y with y_i replaced by t_j))
        t_j = (y_i mod w) + j w,   w = levels / grid,   j = 0, ..., grid - 1

    With a point for each level, w = 1, this is exact for any density: the probability of the pixel's value given the
    noise u and all other pixels, without an order of the pixels. These bits do not add up to the bits of the image,
    which count each pixel given only the pixels before it: here, information that pixels share does not count.

    The cost is height × width × channels × grid evaluations of the density.

    Arguments:
        key: random key of the noise u, uniform in [0, 1).
        flow: a density in units of pixels, of shape (height, width, channels) or any other.
        image: pixels, integers in 0, ..., levels - 1, of shape `flow.shape`.
        condition: one condition, of shape `flow.cond_shape`, or None for an unconditional flow.
        levels: number of values of a pixel.
        grid: number of evenly spaced values at which the density is evaluated, from 2 to `levels`, the default. With
            fewer values, each stands for the levels around it: for smooth densities of many levels.

    Returns:
        Shape `flow.shape`; log₂ levels if all values of a pixel are equally likely. NaN where a density is NaN, or
        zero for all values.

    Raises:
        ValueError: if an argument is not as stated.
    """
    require_key(key)
    require_count("levels", levels, 2)
    grid = levels if grid is None else grid
    require_count("grid", grid, 2)
    require(grid <= levels, "grid", f"at most `levels`, {levels}", grid)
    shape = np.shape(image)
    require(shape == flow.shape, "image", f"one image of shape {flow.shape}", f"`shape {shape}`")
    rows, _ = checked_pairs(("flow", "image", "condition"), flow, np.asarray(image)[None], _row(condition))
    require_pixels("image", rows)
    require(bool(rows.max() < levels), "image", f"of pixels below `levels`, {levels}", f"`a pixel of {rows.max()}`")
    pixels = as_float("image", rows[0])
    y = np.asarray(dequantized(pixels, jax.random.uniform(key, pixels.shape, pixels.dtype))).ravel()
    width, size = levels / grid, y.size
    own = np.minimum((y / width).astype(np.int64), grid - 1)
    # Rounding may move the last point to the upper end, where the density ends.
    below = np.nextafter(np.asarray(levels, y.dtype), np.asarray(0, y.dtype))
    points = np.clip((y - own * width)[:, None] + width * np.arange(grid), 0, below).astype(y.dtype)
    points[np.arange(size), own] = y
    count = min(size, max(1, TOGETHER // grid))
    bits = np.empty(size)
    for start in range(0, size, count):
        # The last piece is padded: pieces of equal size compile once.
        at = np.minimum(np.arange(start, start + count), size - 1)
        images = np.broadcast_to(y, (count, grid, size)).copy()
        images[np.arange(count), :, at] = points[at]
        log_p = flow.log_prob(images.reshape(count * grid, *flow.shape), condition)
        bits[at] = _bits(np.asarray(log_p, np.float64).reshape(count, grid), own[at], width)
    return bits.reshape(flow.shape)


def _bits(log_p: Float[np.ndarray, "count grid"], own: np.ndarray, width: float) -> Float[np.ndarray, " count"]:
    total = np.logaddexp.reduce(log_p, axis=1)
    with np.errstate(invalid="ignore"):
        return (total - log_p[np.arange(len(own)), own]) / math.log(2) + math.log2(width)


def _row(condition: ArrayLike | None) -> np.ndarray | None:
    return None if condition is None else np.asarray(condition)[None]
