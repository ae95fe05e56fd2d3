"""The picture of a run: how many times faster than the best peer, and times against dimension."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import EngFormatter, LogLocator

from .spec import ARCHITECTURES, EVENTS

WORKS = {
    "step": "training step, batch of 512",
    "log_prob": f"log_prob of {EVENTS:,}",
    "sample": f"sample of {EVENTS:,}",
}
COLORS = {"pushforward": "#1b5e8c", "flowjax": "#d0743c", "distrax": "#8a6fb0", "zuko": "#4f9a63"}
COLORS |= {"nflows": "#b0506a", "normflows": "#8c8c8c"}
BARS = ("#bcd4e6", "#8fb8d6", "#5e97c2", "#3f7cab", "#1b5e8c")


def _scaling(ax: Any, timed: dict[Any, Any], architecture: str, work: str) -> None:
    """Draw times against dimension, of the faster variant of each library."""
    for library, color in COLORS.items():
        points = []
        for (a, w, condition, dim), records in timed.items():
            if (a, w, condition) == (architecture, work, 0):
                found = [r["seconds"] for n, r in records.items() if n.split("+")[0] == library and "seconds" in r]
                points += [(dim, min(found))] if found else []
        if points:
            ours = library == "pushforward"
            ax.loglog(
                *zip(*sorted(points), strict=True), "o-", color=color, label=library, lw=2.5 if ours else 1.3, ms=4
            )
    if not ax.lines:
        ax.set_axis_off()
        return
    dims = sorted({key[3] for key in timed})
    ax.set_xticks(dims, [str(d) for d in dims])
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(EngFormatter("s"))
    ax.minorticks_off()
    ax.set(xlabel="dimension", title=f"{ARCHITECTURES[architecture]}: {WORKS[work]}")
    ax.grid(alpha=0.25)


def _ratios(ax: Any, timed: dict[Any, Any], work: str) -> None:
    """Draw a group of bars per architecture, a bar per dimension: best peer's time over ours."""
    dims = sorted({key[3] for key in timed})
    architectures = [a for a in ARCHITECTURES if any(key[0] == a for key in timed)]
    width = 0.8 / len(dims)
    for i, dim in enumerate(dims):
        for group, architecture in enumerate(architectures):
            records = timed.get((architecture, work, 0, dim), {})
            peers = [r["seconds"] for name, r in records.items() if name != "pushforward" and "seconds" in r]
            if not peers or "seconds" not in records.get("pushforward", {}):
                continue
            ratio = min(peers) / records["pushforward"]["seconds"]
            at = group + (i - (len(dims) - 1) / 2) * width
            color = BARS[round(i * (len(BARS) - 1) / max(1, len(dims) - 1))]
            ax.bar(at, ratio, 0.92 * width, color=color, label=f"d = {dim}" if group == 0 else None)
            shown = f" {ratio:.2g}" if ratio < 100 else f" {ratio:.0f}"
            ax.text(at, ratio, shown, ha="center", va="bottom", fontsize=7, rotation=90)
    ax.axhline(1, color="black", lw=0.8)
    ax.set_yscale("log")
    ax.set_ylim(min(0.5, ax.get_ylim()[0]), ax.get_ylim()[1] * 2)
    ax.set_xticks(np.arange(len(architectures)), [ARCHITECTURES[a].replace(" ", "\n") for a in architectures])
    ax.set(title=WORKS[work])
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}x")
    ax.minorticks_off()


def draw(timed: dict[Any, Any], path: Path) -> None:
    """Draw the unconditional measurements."""
    first = next(a for a in ARCHITECTURES if any(key[0] == a for key in timed))
    matplotlib.use("Agg")
    works = [work for work in WORKS if any(key[1] == work for key in timed)]
    figure, axes = plt.subplots(2, len(works), figsize=(4.4 * len(works), 7.6), layout="constrained", squeeze=False)
    for (top, bottom), work in zip(axes.T, works, strict=True):
        _ratios(top, timed, work)
        _scaling(bottom, timed, first, work)
    axes[0, 0].set_ylabel("times faster than the best peer")
    axes[0, 0].legend(fontsize=8, frameon=False)
    axes[1, 0].legend(fontsize=8, frameon=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
