"""Loss curves of a fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._errors import require
from ._style import BLUE, ORANGE, Axes, new_axes


def losses(history: Any, ax: Axes = None) -> Axes:
    """Draw the losses of each epoch, in nats per row, and mark the epoch whose parameters were kept.

    Arguments:
        history: the result of `pf.fit`, or its `history`: losses by the name of the curve ("train", "val").
        ax: where to draw; a new figure by default.

    Returns:
        The axes.
    """
    curves: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    require(isinstance(curves, Mapping) and len(curves) > 0, "history", "a fit result or its history", history)
    ax = new_axes((6.0, 3.6)) if ax is None else ax
    names = {"train": ("training", BLUE), "val": ("validation", ORANGE)}
    for key, values in curves.items():
        label, color = names.get(key, (key, None))
        ax.plot(np.arange(1, len(values) + 1), values, color=color, label=label, linewidth=1.6)
    best = getattr(history, "best_epoch", None)
    if best == -1:
        ax.plot([], [], "o", color="0.2", markersize=5, label="kept: the start")
    key = "val" if len(curves.get("val", ())) else next(iter(curves))
    if best is None and key == "val" and np.isfinite(curves[key]).any():
        best = int(np.nanargmin(curves[key]))
    if best is not None and 0 <= best < len(curves[key]):
        ax.plot(best + 1, curves[key][best], "o", color="0.2", markersize=5, label=f"kept: epoch {best + 1}")
    _zoom(ax, [np.asarray(values, float) for values in curves.values()])
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss (nats per row)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.25)
    ax.legend(frameon=False)
    return ax


def _zoom(ax: Axes, curves: list[np.ndarray]) -> None:
    """Cut off a steep start that would flatten the rest of the curves."""
    values = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    if values.size < 8:
        return
    low, high = float(values.min()), float(values.max())
    knee = low + 4 * (float(np.quantile(values, 0.8)) - low)
    if 0 < knee - low < 0.7 * (high - low):
        ax.set_ylim(low - 0.06 * (knee - low), knee)
