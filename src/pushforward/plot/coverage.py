"""Coverage of credible regions against their level."""

from collections.abc import Mapping

import numpy as np

from .._errors import require
from ..evaluate.coverage import Coverage
from ._style import GRAY, PALETTE, Axes, new_axes


def coverage(results: Coverage | Mapping[str, Coverage], ax: Axes = None) -> Axes:
    """Draw the share of truths inside the credible region of each level; the diagonal is perfect calibration.

    If a density is calibrated, its curve stays in the band with a probability of 95 %. For highest-density regions, a
    curve below the diagonal shows overconfidence, a curve above it underconfidence. For TARP, a curve that crosses the
    diagonal from above shows overconfidence, a curve that crosses it from below underconfidence.

    Arguments:
        results: a result of `pushforward.evaluate.expected_coverage` or `tarp`, or several by name.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if there are no curves, or more curves than colors.
    """
    if isinstance(results, Coverage):
        results = {{"hpd": "highest density", "tarp": "TARP"}[results.method]: results}
    require(1 <= len(results) <= len(PALETTE), "results", f"1 to {len(PALETTE)} curves", f"`{len(results)}`")
    ax = new_axes((4.6, 4.6)) if ax is None else ax
    ax.plot([0, 1], [0, 1], color="0.4", linewidth=0.8)
    # Results with the same numbers of pairs and draws have the same band.
    for result in {(r.values.size, r.num_draws): r for r in results.values()}.values():
        at, low, high = (np.r_[0.0, edge, 1.0] for edge in (result.levels, result.low, result.high))
        ax.fill_between(at, low, high, color=GRAY, alpha=0.25, linewidth=0)
    for color, (name, result) in zip(PALETTE, results.items(), strict=False):
        at = np.r_[0.0, result.levels, 1.0]
        ax.plot(at, np.r_[0.0, result.coverage, 1.0], color=color, linewidth=1.6, label=f"{name}: {result.finding}")
    if all(result.method == "hpd" for result in results.values()):
        ax.set_title("below the diagonal: overconfident; above: underconfident", fontsize=9)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_aspect("equal")
    ax.set_xlabel("credibility level")
    ax.set_ylabel("coverage: share of truths inside")
    ax.grid(alpha=0.25)
    ax.legend(frameon=False, fontsize=9)
    return ax
