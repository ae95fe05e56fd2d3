"""Draws of a density as pixels, and grids of images as picture files."""

import io
import math

import numpy as np
from jaxtyping import UInt8

from ..._errors import bad, require, require_count
from ..._types import ArrayLike
from ...io.atomic import write_atomically
from ..tables.files import PathLike, require_writable
from .images import LEVELS, require_levels

#: Smallest height or width of enlarged images in a grid, and largest width of the grid.
VISIBLE, WIDEST = 64, 1600
#: Width of the gaps between the images of a grid, in pixels, and their gray.
GAP, GRAY = 2, 128


def to_pixels(x: ArrayLike, levels: int = LEVELS) -> UInt8[np.ndarray, "..."]:
    """Turn draws of a density of dequantized pixels into pixels.

        pixel = min(max(⌊x⌋, 0), levels - 1)

    Arguments:
        x: numbers from about 0 to `levels`, of any shape.
        levels: number of values of a pixel, from 2 to 256.

    Raises:
        ValueError: if a number is NaN.
    """
    require_levels(levels)
    x = np.asarray(x)
    nans = int(np.isnan(x).sum())
    if nans:
        remedy = "The flow that drew them is not finite there: fit it longer, or at a lower learning rate."
        raise bad("x", "numbers that can be pixels", f"`{nans:,} NaN among {x.size:,}`", remedy)
    return np.clip(np.floor(x), 0, levels - 1).astype(np.uint8)


def write_grid(
    path: PathLike,
    pixels: UInt8[np.ndarray, "n height width channels"],
    columns: int | None = None,
    levels: int = LEVELS,
) -> None:
    """Write images as a grid to a PNG file; small images are enlarged by a whole factor, and level 0 is black.

    Arguments:
        path: a .png file.
        pixels: shape (n, height, width, 1 or 3), from 0 to levels - 1; row by row in the grid.
        columns: images in a row; ⌈√n⌉ by default.
        levels: number of values of a pixel; levels - 1 is white.

    Raises:
        OSError: if `path` cannot be written.
        ValueError: if the images cannot be shown: none, two channels, another file format.
    """
    require(str(path).lower().endswith(".png"), "path", "a .png file", str(path))
    require_levels(levels)
    n, height, width, channels = pixels.shape
    require(channels in (1, 3), "pixels", "of 1 channel (gray) or 3 (color)", f"`{channels} channels`")
    require(pixels.size > 0, "pixels", "at least one image", f"`shape {pixels.shape}`")
    largest = int(pixels.max())
    require(largest < levels, "pixels", f"from 0 to levels - 1 = {levels - 1}", f"`{largest}`")
    if columns is not None:
        require_count("columns", columns)
    require_writable(path)
    across = min(n, math.ceil(math.sqrt(n)) if columns is None else columns)
    from PIL import Image

    scale = max(1, min(math.ceil(VISIBLE / max(height, width)), WIDEST // (across * width)))
    tiles = np.round(pixels * (255 / (levels - 1))).astype(np.uint8).repeat(scale, axis=1).repeat(scale, axis=2)
    step_y, step_x = height * scale + GAP, width * scale + GAP
    canvas = np.full((math.ceil(n / across) * step_y + GAP, across * step_x + GAP, channels), GRAY, np.uint8)
    for i, tile in enumerate(tiles):
        y, x = GAP + i // across * step_y, GAP + i % across * step_x
        canvas[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    data = io.BytesIO()
    Image.fromarray(canvas.squeeze(-1) if channels == 1 else canvas).save(data, format="PNG")
    write_atomically(path, data.getvalue())
