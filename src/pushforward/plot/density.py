"""A density of two variables as an image."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import require, require_count
from .._types import ArrayLike
from ..distributions._base import AbstractDistribution
from ._style import Axes, need, new_axes, quantile_range


def density_2d(
    flow: AbstractDistribution,
    bounds: ArrayLike | None = None,
    *,
    data: ArrayLike | None = None,
    condition: ArrayLike | None = None,
    log_scale: bool = False,
    names: Sequence[str] | None = None,
    resolution: int = 200,
    ax: Axes = None,
) -> Axes:
    """Draw the density of a distribution of two variables.

    Arguments:
        flow: a distribution of shape (2,).
        bounds: ((low, high), (low, high)), the ranges of the two variables, in the units of the data.
        data: shape (rows, 2); without `bounds`, the ranges of all but its outermost rows.
        condition: one condition, for a conditional distribution.
        log_scale: color by log p in nats, down to 12 nats below the peak, instead of by p.
        names: labels of the two axes.
        resolution: points along each axis.
        ax: where to draw; a new figure by default.

    Returns:
        The axes, with a color bar beside it.

    Raises:
        ValueError: if `flow` is not of two variables, or neither `bounds` nor `data` is given.
    """
    require(flow.shape == (2,), "flow", "a distribution of shape (2,)", flow.shape)
    require_count("resolution", resolution, 2)
    if bounds is None:
        require(data is not None, "bounds", "given, unless `data` is", None)
        rows = np.asarray(data, np.float64)
        require(rows.ndim == 2 and rows.shape[1] == 2, "data", "of shape (rows, 2)", f"`shape {rows.shape}`")
        bounds = (quantile_range(rows[:, 0]), quantile_range(rows[:, 1]))
    limits = np.asarray(bounds, np.float64)
    ok = limits.shape == (2, 2) and bool((limits[:, 0] < limits[:, 1]).all())
    require(ok, "bounds", "((low, high), (low, high)), each low below its high", bounds)
    ax = new_axes((5.2, 4.2)) if ax is None else ax
    grid = [np.linspace(low, high, resolution) for low, high in limits]
    points = np.stack(np.meshgrid(*grid), axis=-1)
    log_p = np.asarray(flow.log_prob(points, condition), np.float64)
    image = ax.pcolormesh(*grid, log_p if log_scale else np.exp(log_p), **_colors(log_p, log_scale))
    bar = ax.figure.colorbar(image, ax=ax, extend="min" if log_scale else "neither")
    bar.set_label("log density (nats)" if log_scale else "density")
    for label, setter in zip(names or ("x0", "x1"), (ax.set_xlabel, ax.set_ylabel), strict=True):
        setter(label)
    return ax


def _colors(log_p: np.ndarray, log_scale: bool) -> dict[str, Any]:
    colors = need("matplotlib").colormaps["viridis"]
    shared = {"cmap": colors, "shading": "nearest", "rasterized": True}
    if not log_scale:
        return {**shared, "vmin": 0.0}
    peak = float(log_p[np.isfinite(log_p)].max(initial=-np.inf))
    return {**shared, "vmin": peak - 12.0, "vmax": peak} if np.isfinite(peak) else shared
