"""Grids of images, and maps of the bits of each pixel."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .._errors import bad, require, require_count
from .._types import ArrayLike
from ._style import Axes, Figure, need, new_axes

#: Color of non-finite values, red, green and blue from 0 to 1: they must not look black.
NOT_FINITE = (0.84, 0.37, 0.0)
#: Width of one tile of a new figure, and largest width of the figure, in inches.
TILE, WIDEST = 0.9, 12.0

Rgb = Float[np.ndarray, "images height width 3"]


def image_grid(
    images: ArrayLike,
    columns: int | None = None,
    *,
    levels: int = 256,
    titles: Sequence[str] | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw images in a grid, row by row.

    Non-integers are rounded down and clipped to 0, ..., levels - 1, which turns draws of a flow into pixels. Non-finite
    values are painted orange.

    Arguments:
        images: shape (images, height, width, channels), pixels or draws of a flow, of one channel or red, green, blue.
        columns: images in a row; by default about as many as rows.
        levels: number of values of a pixel; levels - 1 is white.
        titles: a title above each image.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if a shape does not fit.
    """
    colored = to_rgb("images", images, levels)
    n = len(colored)
    columns = min(n, math.ceil(math.sqrt(n))) if columns is None else columns
    require_count("columns", columns)
    return tiles(colored, columns, titles=titles, ax=ax)


def pixel_bits(image: ArrayLike, bits: ArrayLike, *, levels: int = 256, figure: Figure = None) -> np.ndarray:
    """Draw an image and, beside it, the bits of each pixel given all other pixels.

    Arguments:
        image: pixels, shape (height, width, channels).
        bits: result of `pushforward.evaluate.pixel_bits`, of the same shape; the mean over channels is drawn.
        levels: number of values of a pixel.
        figure: where to draw; a new figure by default.

    Returns:
        The two axes; non-finite values are orange.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the shapes do not fit.
    """
    image, bits = np.asarray(image), np.asarray(bits, np.float64)
    colored = to_rgb("image", image[None], levels)[0]
    require(bits.shape == image.shape, "bits", f"of the image's shape {image.shape}", f"`shape {bits.shape}`")
    matplotlib = need("matplotlib")
    if figure is None:
        figure = need("matplotlib.pyplot").figure(figsize=(6.6, 3.0), layout="constrained")
    axes = figure.subplots(1, 2)
    axes[0].imshow(colored, interpolation="nearest")
    shown = np.ma.masked_invalid(bits.mean(axis=-1))
    heat = axes[1].imshow(shown, cmap=matplotlib.colormaps["viridis"].with_extremes(bad=NOT_FINITE), vmin=0.0)
    label = "bits given all other pixels"
    figure.colorbar(heat, ax=axes[1]).set_label(label if image.shape[-1] == 1 else f"{label}, mean of channels")
    for axis in axes:
        axis.set_axis_off()
    return axes


def to_rgb(name: str, images: ArrayLike, levels: int) -> Rgb:
    """Return images as red, green and blue from 0 to 1.

    Arguments:
        name: name of the argument, for errors.
        images: shape (images, height, width, channels), in units of pixels, not necessarily integers.
        levels: number of values of a pixel.

    Raises:
        ValueError: if `images` are not such numbers, or there is no image.
    """
    require_count("levels", levels, 2)
    images = np.asarray(images)
    if images.dtype.kind not in "fiub" or images.ndim != 4 or images.shape[-1] not in (1, 3) or images.size == 0:
        remedy = f"Pass `{name}[..., None]`." if images.ndim == 3 else ""
        rule = "numbers of shape (images, height, width, channels), of 1 or 3 channels"
        raise bad(name, rule, f"`shape {images.shape} and dtype {images.dtype}`", remedy)
    return painted(np.clip(np.floor(images.astype(np.float64)), 0, levels - 1) / (levels - 1), images)


def painted(shades: Float[np.ndarray, "images height width channels"], values: np.ndarray) -> Rgb:
    """Return shades from 0 to 1 as red, green and blue, and orange where a value is not finite."""
    wrong = ~np.isfinite(values).all(axis=-1, keepdims=True)
    return np.where(wrong, NOT_FINITE, np.broadcast_to(shades, (*shades.shape[:-1], 3)))


def tiles(
    colored: Rgb,
    columns: int,
    *,
    titles: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    row_names: Sequence[str] | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw images as the tiles of one picture, in rows of `columns`.

    Arguments:
        colored: the images.
        columns: images in a row.
        titles: titles of the images, in black above each.
        column_names, row_names: names at the upper and the left edge.
        ax: where to draw; a new figure by default.

    Raises:
        ValueError: if there is not one title per image.
    """
    n, height, width, _ = colored.shape
    require(titles is None or len(titles) == n, "titles", f"one for each of the {n} images", titles)
    rows = math.ceil(n / columns)
    gap = max(1, round(0.05 * min(height, width)))
    # With titles, each tile has a fifth of its height or more above it, for letters of 8 points.
    above = gap if titles is None else max(gap, round(0.24 * height))
    canvas = np.ones((rows * (height + above) - (gap if titles is None else 0), columns * (width + gap) - gap, 3))
    corners = [(i // columns * (height + above), i % columns * (width + gap)) for i in range(n)]
    corners = corners if titles is None else [(top + above, left) for top, left in corners]
    for image, (top, left) in zip(colored, corners, strict=True):
        canvas[top : top + height, left : left + width] = image
    if ax is None:
        across = min(WIDEST, max(2.0, TILE * columns + 0.3) + (0.0 if row_names is None else 0.9))
        ax = new_axes((across, max(1.2, across * canvas.shape[0] / canvas.shape[1])))
    ax.imshow(canvas, interpolation="nearest")
    for title, (top, left) in zip(titles or (), corners, strict=titles is not None):
        ax.text(left + width / 2 - 0.5, top - 0.5 - 0.04 * height, title, ha="center", va="bottom", fontsize=8)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, labelsize=9, top=False, labeltop=column_names is not None, bottom=False, labelbottom=False)
    ax.set_xticks([left + width / 2 - 0.5 for _, left in corners[:columns]] if column_names is not None else [])
    ax.set_yticks([top + height / 2 - 0.5 for top, _ in corners[::columns]] if row_names is not None else [])
    ax.set_xticklabels(column_names or [])
    ax.set_yticklabels(row_names or [])
    return ax
