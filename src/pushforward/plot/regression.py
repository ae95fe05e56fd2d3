"""Pictures of predicted distributions: is a regression calibrated, for whom, and what does it say along a column."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from .._errors import require
from ..evaluate.calibration import exact_pit
from ._style import BLUE, ORANGE, PALETTE, Axes, Figure, new_axes, quantile_range
from .calibration import calibration_histogram

#: The most groups that are drawn, and the groups that numbers of many values are cut into.
MOST_GROUPS, CUTS = 24, 6
#: Observations that are drawn at most.
MOST_POINTS = 2000


def pit(values: Any, names: Sequence[str] | None = None, *, bins: int = 20, figure: Figure = None) -> np.ndarray:
    """Draw a histogram of F(y | x), the probability that a model gives to values below the observed one.

    It is flat if the model is calibrated; see `calibration_histogram` for the shapes and the band.

    Arguments:
        values: in [0, 1], shape (rows,) or (rows, targets): `PredictedDistribution.pit` of `pushforward.sklearn`.
        names: names of the targets; x0, x1, ... by default.
        bins: number of bins of each histogram.
        figure: where to draw; a new figure by default.

    Returns:
        The axes, one for each target.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if a value is not in [0, 1], or the names do not fit.
    """
    return calibration_histogram(exact_pit(values), names, bins=bins, figure=figure)


def interval_coverage(y: Any, interval: Any, groups: Any, coverage: float = 0.9, *, ax: Axes = None) -> Axes:
    """Draw for each group of rows the share of observed values inside their intervals, with its uncertainty.

    The bars are intervals by Clopper and Pearson. If each group is covered as wanted, all bars reach the line with a
    probability of at least 95 %; a bar that does not is orange.

    Arguments:
        y: observed values, shape (rows,).
        interval: lower and upper ends, shape (rows, 2): `FlowRegressor.predict_interval`.
        groups: a label for each row; numbers of more than a dozen values are cut at their quantiles.
        coverage: the share that should be inside.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the shapes differ, or there are too many groups.
    """
    from scipy.stats import beta

    y, interval = np.asarray(y, np.float64), np.asarray(interval, np.float64)
    require(0 < coverage < 1, "coverage", "between 0 and 1", coverage)
    require(interval.shape == (len(y), 2), "interval", f"of shape ({len(y)}, 2)", f"`shape {interval.shape}`")
    labels, place = _groups(groups, len(y))
    inside = (interval[:, 0] <= y) & (y <= interval[:, 1])
    count = np.bincount(place, minlength=len(labels))
    hits = np.bincount(place, inside, len(labels)).astype(int)
    share = hits / count
    tail = 0.025 / len(labels)
    low = np.where(hits > 0, beta.ppf(tail, np.maximum(hits, 1), count - hits + 1), 0.0)
    high = np.where(hits < count, beta.ppf(1 - tail, hits + 1, np.maximum(count - hits, 1)), 1.0)
    wrong = (low > coverage) | (high < coverage)
    ax = new_axes((6.0, 1.3 + 0.3 * len(labels))) if ax is None else ax
    rows = np.arange(len(labels))[::-1]
    ax.axvline(coverage, color="0.4", linewidth=0.8)
    for chosen, color in ((~wrong, BLUE), (wrong, ORANGE)):
        ends = np.stack([share - low, high - share])[:, chosen]
        ax.errorbar(share[chosen], rows[chosen], xerr=ends, fmt="o", color=color, markersize=4.5, elinewidth=1.6)
    ax.set_yticks(rows, [f"{label}  ({n:,})" for label, n in zip(labels, count, strict=True)], fontsize=9)
    ax.set_ylim(-0.6, len(labels) - 0.4)
    ax.set_xlim(max(0.0, min(low.min(), coverage) - 0.03), min(1.0, max(high.max(), coverage) + 0.03))
    ax.set_xlabel(f"share inside the {100 * coverage:g} % interval, with its uncertainty")
    ax.set_title(f"all {len(y):,} rows: {100 * inside.mean():.1f} %", fontsize=10)
    ax.grid(alpha=0.25, axis="x")
    return ax


def fan(x: Any, quantiles: Any, levels: Sequence[float], y: Any = None, *, at: Any = None, ax: Axes = None) -> Axes:
    """Draw predicted quantiles along one column as bands around the median, the darker the nearer.

    Arguments:
        x: numbers or dates, shape (rows,): a grid of the column, with the other features held fixed, say.
        quantiles: of each row, shape (rows, levels): `FlowRegressor.predict_quantiles`.
        levels: of the quantiles, increasing; a pair q, 1 - q is a band.
        y: observed values to draw as points.
        at: where these are in the column; `x` by default.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the shapes differ, or levels are not increasing between 0 and 1, with a pair at least.
    """
    x, quantiles, shares = _along(x, quantiles, levels)
    pairs = [(j, len(shares) - 1 - j) for j in range(len(shares) // 2)]
    matched = bool(pairs) and all(abs(shares[j] + shares[k] - 1) < 1e-6 for j, k in pairs)
    require(matched, "levels", "pairs q and 1 - q, with 0.5 between them or not", shares.tolist())
    ax = new_axes((6.4, 4.0)) if ax is None else ax
    for number, (j, k) in enumerate(pairs):
        # Each band lies on those around it, and is the darker the nearer to the median.
        label, alpha = f"{100 * (shares[k] - shares[j]):.3g} %", 0.6 * (number + 1) / (len(pairs) + 0.5)
        ax.fill_between(x, quantiles[:, j], quantiles[:, k], color="white", linewidth=0)
        ax.fill_between(x, quantiles[:, j], quantiles[:, k], color=BLUE, alpha=alpha, linewidth=0, label=label)
    if len(shares) % 2:
        ax.plot(x, quantiles[:, len(shares) // 2], color=BLUE, linewidth=1.8, label="median")
    return _with_points(ax, x if at is None else at, y, quantiles)


def quantiles(
    x: Any, quantiles: Any, levels: Sequence[float], y: Any = None, *, at: Any = None, ax: Axes = None
) -> Axes:
    """Draw each predicted quantile along one column as a line; for the share of observed values below, see its label.

    Arguments:
        x: numbers or dates, shape (rows,).
        quantiles: of each row, shape (rows, levels).
        levels: of the quantiles, increasing.
        y: observed values to draw as points; of the rows themselves, without `at`, labels say which share is below.
        at: where these are in the column; `x` by default.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the shapes differ, levels are not increasing between 0 and 1, or are more than colors.
    """
    own = np.asarray(x)
    below = None
    if y is not None and at is None:
        below = (np.asarray(y, np.float64)[:, None] <= np.asarray(quantiles, np.float64)).mean(axis=0)
    x, values, wanted = _along(x, quantiles, levels)
    require(len(wanted) <= len(PALETTE), "levels", f"at most {len(PALETTE)}", levels)
    ax = new_axes((6.4, 4.0)) if ax is None else ax
    for j in range(len(wanted))[::-1]:
        said = "" if below is None else f", {100 * below[j]:.3g} % of points below"
        ax.plot(x, values[:, j], color=PALETTE[j], linewidth=1.6, label=f"{100 * wanted[j]:g} % quantile{said}")
    return _with_points(ax, own if at is None else at, y, values)


def _along(
    x: Any, quantiles: Any, levels: Sequence[float]
) -> tuple[np.ndarray, Float[np.ndarray, "rows levels"], Float[np.ndarray, " levels"]]:
    """Return the column in increasing order, the quantiles of its rows, and their levels."""
    x, quantiles, numbers = np.asarray(x), np.asarray(quantiles, np.float64), np.asarray(levels, np.float64)
    rule = f"of shape ({len(x)}, {len(numbers)})"
    require(quantiles.shape == (len(x), len(numbers)), "quantiles", rule, f"`shape {quantiles.shape}`")
    inside = bool((numbers > 0).all() and (numbers < 1).all() and (np.diff(numbers) > 0).all())
    require(inside, "levels", "increasing, between 0 and 1", numbers.tolist())
    order = np.argsort(x, kind="stable")
    return x[order], quantiles[order], numbers


def _with_points(ax: Axes, at: Any, y: Any, values: np.ndarray) -> Axes:
    ranges = [quantile_range(values.ravel())]
    if y is not None:
        at, y = np.asarray(at), np.asarray(y, np.float64)
        require(len(at) == len(y), "y", f"of {len(at)} values", f"`{len(y)} values`")
        some = np.linspace(0, len(y) - 1, min(len(y), MOST_POINTS)).astype(int)
        ax.plot(at[some], y[some], ".", color="0.25", markersize=3, alpha=0.5, zorder=1.5, label="observed")
        ranges.append(quantile_range(y))
    ax.set_ylim(min(low for low, _ in ranges), max(high for _, high in ranges))
    ax.grid(alpha=0.25)
    ax.legend(frameon=False, fontsize=9, ncols=2, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return ax


def _groups(groups: Any, rows: int) -> tuple[list[str], np.ndarray]:
    """Return the names of groups, and the number of that of each row."""
    values = np.asarray(groups)
    require(values.shape == (rows,), "groups", f"a label for each of {rows} rows", f"`shape {values.shape}`")
    if values.dtype.kind in "fiu" and len(np.unique(values)) > 2 * CUTS:
        numbers = values.astype(np.float64)
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, CUTS + 1)))
        place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
        names = [f"{a:.3g} to {b:.3g}" for a, b in itertools.pairwise(edges)]
        missing = np.isnan(numbers)
        place = np.where(missing, len(names), place)
        names = [*names, "missing"] if missing.any() else names
    else:
        kinds, place = np.unique(np.asarray([str(value) for value in values]), return_inverse=True)
        names = kinds.tolist()
    require(len(names) <= MOST_GROUPS, "groups", f"at most {MOST_GROUPS} different labels", f"`{len(names)}`")
    return names, place.ravel()
