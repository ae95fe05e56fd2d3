"""The style of all plots: optional imports, colors, and ranges that outliers do not stretch."""

from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

#: matplotlib is imported by the functions that draw, not with the package.
Axes: TypeAlias = Any
Figure: TypeAlias = Any

#: From the palette of Okabe and Ito, distinct with every common form of color blindness.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PALETTE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
GRAY = "#999999"


def need(module: str) -> ModuleType:
    """Import an optional module.

    Raises:
        ImportError: if it is not installed; the message says how to install it.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise ImportError(f"Plotting needs {name}: pip install pushforward[plot]") from error


def new_axes(figsize: tuple[float, float]) -> Axes:
    """Return the axes of a new figure, laid out so that labels do not overlap; nothing is shown."""
    return need("matplotlib.pyplot").subplots(figsize=figsize, layout="constrained")[1]


def quantile_range(values: np.ndarray, tail: float = 0.002) -> tuple[float, float]:
    """Return an interval, with a margin, that holds all values but a share `tail` on each side."""
    values = values[np.isfinite(values)]
    low, high = (float(q) for q in np.quantile(values, (tail, 1 - tail)))
    if low == high:
        low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 0.5 * max(1.0, abs(low))
    return low - margin, high + margin


def binning(values: np.ndarray, bins: int) -> tuple[float, float, int]:
    """Return low, high and number of bins of a histogram of most of the values.

    Rounded values, multiples of one step, get one bin each: other bins would hold unequal numbers of them.
    """
    low, high = quantile_range(values)
    inside = np.unique(values[(values >= low) & (values <= high)])
    if 3 <= inside.size <= 2 * bins:
        step = float(np.diff(inside).min())
        places = (inside - inside[0]) / step
        if np.abs(places - np.round(places)).max() < 0.05 and places[-1] <= 2 * bins:
            return float(inside[0] - step / 2), float(inside[-1] + step / 2), round(float(places[-1])) + 1
    return low, high, bins
