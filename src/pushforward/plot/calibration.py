"""Calibration plots: histograms and distribution functions of ranks or PIT values."""

import math
from collections.abc import Sequence

import numpy as np

from .._errors import require, require_count
from ..evaluate.calibration import Calibration
from ._style import BLUE, GRAY, ORANGE, PALETTE, Axes, Figure, need, new_axes

#: Most panels of histograms in a row, and most curves with a color of their own.
ACROSS, MOST_CURVES = 4, 6


def calibration_histogram(
    result: Calibration, names: Sequence[str] | None = None, *, bins: int = 20, figure: Figure = None
) -> np.ndarray:
    """Draw a histogram of ranks or PIT values for each column, flat if the density is calibrated.

    A U shape shows that the density is too narrow, a hump that it is too wide, a slope that it is biased. If a column
    is calibrated, all bars of its panel stay in the band with a probability of at least 95 %.

    Arguments:
        result: result of `pushforward.evaluate.sbc_ranks`, `pit`, `exact_pit` or `base_pit`.
        names: names of the columns; x0, x1, ... by default.
        bins: number of bins of each histogram; for ranks, at most the number of their values.
        figure: where to draw; a new figure by default.

    Returns:
        The axes, one for each column.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the names do not fit.
    """
    from scipy.stats import binom

    labels = _labels(result, names)
    require_count("bins", bins, 2)
    cells = 2**20 if result.num_draws is None else result.num_draws + 1
    bins = min(bins, cells)
    # Ranks are whole numbers: place the edges so that the expected height counts the ranks between them.
    edges = np.arange(bins + 1) * cells // bins / cells
    rows, columns = result.values.shape
    across = min(columns, ACROSS)
    down = math.ceil(columns / across)
    if figure is None:
        figure = need("matplotlib.pyplot").figure(figsize=(2.9 * across + 0.6, 2.5 * down + 0.3), layout="constrained")
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    widths = np.diff(edges)
    tail = 0.025 / bins
    low, high = (binom.ppf(q, rows, widths) / (rows * widths) for q in (tail, 1 - tail))
    heights = [np.histogram(column, edges)[0] / (rows * widths) for column in result.values.T]
    top = 1.08 * max(high.max(), *(bars.max() for bars in heights))
    for j, axes in enumerate(panels[:columns]):
        axes.stairs(high, edges, baseline=low, fill=True, color=GRAY, alpha=0.35, linewidth=0)
        axes.axhline(1.0, color="0.4", linewidth=0.8)
        wrong = result.findings[j] != "calibrated"
        axes.stairs(heights[j], edges, color=ORANGE if wrong else BLUE, linewidth=1.5)
        axes.set_title(f"{labels[j]}: {result.findings[j]}", fontsize=10)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, top)
        axes.tick_params(labelsize=8)
    for axes in panels[columns:]:
        axes.set_axis_off()
    for j in range(columns - min(across, columns), columns):
        panels[j].tick_params(labelbottom=True)
    figure.supxlabel(_what(result), fontsize=10)
    figure.supylabel("density (1 if calibrated)", fontsize=10)
    return panels[:columns]


def calibration_ecdf(result: Calibration, names: Sequence[str] | None = None, *, ax: Axes = None) -> Axes:
    """Draw the distribution functions of ranks or PIT values minus the uniform distribution function.

    If all columns are calibrated, all curves stay in the band with a probability of 95 %. Miscalibrated columns are
    drawn in color; the others too, if there are few columns.

    Arguments:
        result: result of `pushforward.evaluate.sbc_ranks`, `pit`, `exact_pit` or `base_pit`.
        names: names of the columns; x0, x1, ... by default.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the names do not fit.
    """
    labels = _labels(result, names)
    ax = new_axes((6.0, 3.8)) if ax is None else ax
    at = np.r_[0.0, result.levels, 1.0]
    zeros = np.zeros((1, len(labels)))
    curves = np.concatenate([zeros, result.shares - result.levels[:, None], zeros])
    low, high = (np.r_[0.0, edge - result.levels, 0.0] for edge in (result.low, result.high))
    ax.fill_between(at, low, high, color=GRAY, alpha=0.35, linewidth=0, label="95 % band")
    wrong = [j for j, finding in enumerate(result.findings) if finding != "calibrated"]
    colored = (wrong + [j for j in range(len(labels)) if j not in wrong])[:MOST_CURVES]
    if len(labels) > MOST_CURVES:
        colored = [j for j in colored if j in wrong]
    rest = [j for j in range(len(labels)) if j not in colored]
    for i, j in enumerate(rest):
        label = f"{'the other' if colored else 'all'} {len(rest)}" if i == 0 else None
        ax.plot(at, curves[:, j], color="0.45", linewidth=0.8, label=label)
    for i, j in enumerate(colored):
        label = f"{labels[j]}: {result.findings[j]}"
        ax.plot(at, curves[:, j], color=PALETTE[i], linewidth=1.6, label=label)
    ax.set_xlim(0, 1)
    ax.set_xlabel(_what(result))
    ax.set_ylabel("share of rows below, minus level")
    ax.grid(alpha=0.25)
    ax.legend(frameon=False, fontsize=9, ncols=2, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return ax


def _what(result: Calibration) -> str:
    if result.method == "pit" and result.num_draws is None:
        return "F(y | x), probability below the observed value"
    if result.num_draws is None:
        return "Φ(z), level of the base"
    return f"rank of the truth among {result.num_draws:,} draws, as a share"


def _labels(result: Calibration, names: Sequence[str] | None) -> list[str]:
    columns = result.values.shape[1]
    labels = [f"x{j}" for j in range(columns)] if names is None else list(names)
    require(len(labels) == columns, "names", f"one for each of the {columns} columns", labels)
    return labels
