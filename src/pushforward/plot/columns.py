"""Columns of any kinds and their pairs: data below the diagonal, draws above it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import require
from ..models import Axis, PairView, TableModel, pair_view
from ..models import draws as draws_of
from ._style import BLUE, GRAY, ORANGE, Figure, need

#: The most characters of a label.
CHARACTERS = 12


def columns(model: TableModel, data: Any, names: Sequence[str], *, seed: int = 0, figure: Figure = None) -> np.ndarray:
    """Draw columns of any kinds: on the diagonal their shares, below it the pairs of the data, above those of draws.

    Arguments:
        model: a fitted model.
        data: a table with the columns of the model.
        names: the columns, two or more.
        seed: decides the draws.
        figure: where to draw; a new figure by default.

    Returns:
        The axes, an array of shape (columns, columns).

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if a name is unknown.
    """
    import jax

    known = (*model.schema.event, *model.schema.given)
    for name in names:
        require(name in known, "names", f"columns of the model, {', '.join(known)}", name)
    require(len(names) > 1, "names", "two columns at least", list(names))
    frame, count = model.schema.read(data), len(names)
    drawn = draws_of(model, jax.random.key(seed), frame)
    if figure is None:
        size = min(max(1.7 * count + 1.2, 5.0), 18.0)
        figure = need("matplotlib.pyplot").figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots(count, count, squeeze=False)
    for i in range(count):
        for j in range(i):
            pair = pair_view(model, (names[j], names[i]), frame, drawn)
            _heat(axes[i, j], pair, pair.data, BLUE)
            # The panel above the diagonal has the columns the other way round.
            turned = PairView((pair.axes[1], pair.axes[0]), pair.data.T, pair.model.T, None)
            _heat(axes[j, i], turned, turned.model, ORANGE)
        other = names[i - 1] if i else names[1]
        pair = pair_view(model, (names[i], other), frame, drawn)
        _shares(axes[i, i], pair.axes[0], pair.data.sum(axis=1), pair.model.sum(axis=1), legend=i == 0)
    _labels(axes, names)
    return axes


def _heat(ax: Any, pair: PairView, shares: np.ndarray, color: str) -> None:
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    top = max(float(pair.data.max()), float(pair.model.max()), 1e-9)
    colors = LinearSegmentedColormap.from_list("", ["#ffffff", color])
    x, y = (np.arange(axis.size + 1) for axis in pair.axes)
    ax.pcolormesh(x, y, shares.T, cmap=colors, norm=PowerNorm(0.5, 0, top), rasterized=True)
    _ticks(ax.xaxis, pair.axes[0])
    _ticks(ax.yaxis, pair.axes[1])
    if pair.axes[1].levels is not None:
        ax.invert_yaxis()


def _shares(ax: Any, axis: Axis, data: np.ndarray, model: np.ndarray, legend: bool) -> None:
    edges = np.arange(axis.size + 1)
    ax.stairs(data, edges, fill=True, color=BLUE, alpha=0.4, label="data")
    ax.stairs(model, edges, color=ORANGE, linewidth=1.4, label="model")
    ax.set_yticks([])
    ax.set_ylim(0, None)
    _ticks(ax.xaxis, axis)
    if legend:
        ax.legend(fontsize=7, frameon=False, handlelength=1.2)


def _ticks(ax: Any, axis: Axis) -> None:
    """Write the levels, or a few edges of numbers."""
    labels = [label if len(label) <= CHARACTERS else label[: CHARACTERS - 1] + "…" for label in axis.labels]
    if axis.levels is not None:
        places = np.arange(axis.size)
        ax.set_ticks(places + 0.5, labels, fontsize=6)
    else:
        places = np.unique(np.round(np.linspace(0, axis.size, 3)).astype(int))
        ax.set_ticks(places, [labels[place] for place in places], fontsize=6)
    if ax.axis_name == "x" and max(map(len, labels)) * len(ax.get_ticklabels()) > 16:
        for label in ax.get_ticklabels():
            label.set(rotation=60, ha="right", rotation_mode="anchor")


def _labels(axes: np.ndarray, names: Sequence[str]) -> None:
    """Name rows and columns, and write the values of the outermost panels only."""
    last = len(names) - 1
    for (i, j), ax in np.ndenumerate(axes):
        ax.tick_params(length=2, color=GRAY)
        for spine in ax.spines.values():
            spine.set(color=GRAY, linewidth=0.6)
        if i == last:
            ax.set_xlabel(names[j], fontsize=8)
        else:
            ax.set_xticklabels([])
        if j == 0:
            ax.set_ylabel(names[i], fontsize=8)
        if j > 0:
            ax.set_yticklabels([])
