"""Corner plots: all one- and two-dimensional margins of samples and data."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._errors import require, require_count
from .._types import ArrayLike
from ._style import BLUE, ORANGE, Figure, binning, need

#: Shares of the rows inside the contours; the first two are one and two sigma of a Gaussian in 2-D.
LEVELS = (0.393, 0.865, 0.98)


def corner(
    samples: ArrayLike,
    data: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    *,
    weights: ArrayLike | None = None,
    bins: int = 40,
    figure: Figure = None,
) -> np.ndarray:
    """Draw a corner plot: histograms on the diagonal, contours of each pair of variables below it.

    The contours hold 39 %, 86 % and 98 % of the rows. Ranges leave out the outermost 0.2 % on each side.

    Arguments:
        samples: shape (rows, d).
        data: shape (rows, d), drawn beneath the samples for comparison.
        names: labels of the d variables; x0, x1, ... by default.
        weights: weights of the data, shape (rows of data,).
        bins: number of bins of the histograms.
        figure: where to draw; a new figure by default.

    Returns:
        The axes, an array of shape (d, d); axes above the diagonal are empty and hidden.

    Raises:
        ImportError: if matplotlib or corner is not installed.
        ValueError: if a shape does not fit or there are too few finite rows.
    """
    require_count("bins", bins, 2)
    drawn = _rows("samples", samples)
    d = drawn.shape[1]
    beneath = None if data is None else _rows("data", data)
    labels = [f"x{i}" for i in range(d)] if names is None else list(names)
    require(len(labels) == d, "names", f"one for each of the {d} variables", labels)
    if beneath is not None:
        require(beneath.shape[1] == d, "data", f"of {d} columns, as `samples`", f"`shape {beneath.shape}`")
    shown = drawn if beneath is None else beneath
    binnings = [binning(shown[:, j], bins) for j in range(d)]
    if figure is None:
        size = min(max(1.6 * d + 0.8, 4.0), 18.0)
        figure = need("matplotlib.pyplot").figure(figsize=(size, size))
    shared: dict[str, Any] = {
        "fig": figure,
        "bins": [n for _, _, n in binnings],
        "range": [(low, high) for low, high, _ in binnings],
        "labels": labels,
        "levels": LEVELS,
        "smooth": 1.0,
        "max_n_ticks": 3,
        "plot_density": False,
        "plot_datapoints": False,
    }
    filled: dict[str, Any] = {
        "fill_contours": True,
        "color": BLUE,
        "contour_kwargs": {"linewidths": 0.5},
        "hist_kwargs": {"density": True, "histtype": "stepfilled", "alpha": 0.35},
    }
    outlined: dict[str, Any] = {
        "color": ORANGE,
        "no_fill_contours": True,
        "contour_kwargs": {"linewidths": 1.1},
        "hist_kwargs": {"density": True, "linewidth": 1.4},
    }
    with _quiet():
        draw = need("corner").corner
        if beneath is None:
            draw(drawn, **filled, **shared)
        else:
            weights = None if weights is None else np.asarray(weights, np.float64)
            draw(beneath, weights=weights, **filled, **shared)
            draw(drawn, **outlined, **shared)
    axes = np.array(figure.axes[: d * d]).reshape(d, d)
    _finish(axes, beneath is not None)
    return axes


def _finish(axes: np.ndarray, legend: bool) -> None:
    for i, row in enumerate(axes):
        for axis in row[: i + 1]:
            axis.tick_params(labelsize=8)
            axis.xaxis.label.set_size(10)
            axis.yaxis.label.set_size(10)
        # Each layer scales the axis of a histogram to its own height; the axis must fit both.
        row[i].relim()
        row[i].autoscale(axis="y")
        row[i].set_ylim(0.0, None)
    if legend:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        handles = [Patch(color=BLUE, alpha=0.45, linewidth=0), Line2D([], [], color=ORANGE, linewidth=1.4)]
        alone = axes.shape == (1, 1)
        inside = {"loc": "upper right", "fontsize": 9}
        beside = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5), "fontsize": 12}
        place = inside if alone else beside
        if alone:
            axes[0, 0].set_ylim(0.0, 1.25 * axes[0, 0].get_ylim()[1])
        axes[0, 0].legend(handles, ["data", "samples"], frameon=False, **place)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings of corner on contours that hold hardly any rows; such panels have none."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)


def _rows(name: str, rows: ArrayLike) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    require(rows.ndim == 2 and rows.shape[1] > 0, name, "of shape (rows, variables)", f"`shape {rows.shape}`")
    rows = rows[np.isfinite(rows).all(axis=1)]
    require(
        rows.shape[0] > rows.shape[1],
        name,
        "more finite rows than variables",
        f"`{rows.shape[0]} finite rows`",
    )
    return rows
