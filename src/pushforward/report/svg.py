"""Drawings as text of SVG; colors are those of the style of the page, and all text is escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TypeAlias

import numpy as np

from ..models import Axis

#: A length in the units of a drawing.
Length: TypeAlias = float | int
#: Width of a drawing in its own units, and of the labels at its left.
WIDTH, LEFT = 340.0, 96.0
#: About how many characters fit into the labels at the left.
CHARACTERS = 15


def drawing(content: Iterable[str], height: Length, title: str, width: Length = WIDTH) -> str:
    """Return a drawing with a description for those who cannot see it."""
    body = "".join(content)
    box = f'viewBox="0 0 {width:g} {height:g}"'
    return f'<svg {box} role="img" aria-label="{escape(title)}" style="max-width:{1.3 * width:g}px">{body}</svg>'


def text(x: Length, y: Length, words: str, anchor: str = "start", name: str = "") -> str:
    """Return a text at a place."""
    of = f' class="{name}"' if name else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{of}>{escape(words)}</text>'


def rect(x: Length, y: Length, width: Length, height: Length, name: str, opacity: Length | None = None) -> str:
    """Return a rectangle of a class of the style."""
    faint = "" if opacity is None else f' fill-opacity="{opacity:.2f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{name}"{faint}/>'


def line(x: Length, y: Length, to_x: Length, to_y: Length, name: str) -> str:
    """Return a line of a class of the style."""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" class="{name}"/>'


def shortened(words: str, most: int = CHARACTERS) -> str:
    """Return a text that is not too long."""
    return words if len(words) <= most else words[: most - 1] + "…"


def bars(labels: Sequence[str], data: np.ndarray, model: np.ndarray, title: str) -> str:
    """Draw shares of levels: bars of the data, and a mark on each for the draws."""
    top = max(float(data.max(initial=0)), float(model.max(initial=0)), 1e-9)
    step, room = 16.0, WIDTH - LEFT - 40
    out = []
    for i, label in enumerate(labels):
        y = i * step + 4
        out.append(text(LEFT - 6, y + 10, shortened(label), "end"))
        out.append(rect(LEFT, y + 1, room * data[i] / top, step - 5, "data"))
        at = LEFT + room * model[i] / top
        out.append(line(at, y - 1, at, y + step - 2, "model"))
        out.append(text(LEFT + room * max(data[i], model[i]) / top + 5, y + 10, percent(data[i]), name="faint"))
    return drawing(out, len(labels) * step + 8, title)


def histogram(edges: Sequence[str], data: np.ndarray, model: np.ndarray, title: str) -> str:
    """Draw shares of intervals: an area of the data, a line of the draws; the texts of some edges stand below."""
    height, left = 120.0, 8.0
    top = 1.05 * max(float(data.max(initial=0)), float(model.max(initial=0)), 1e-9)
    width = (WIDTH - 2 * left) / len(data)

    def y(share: Length) -> float:
        return 8 + height * (1 - share / top)

    out = [rect(left + i * width, y(s), width + 0.2, height + 8 - y(s), "data") for i, s in enumerate(data) if s > 0]
    points = [f"{left + (i + end) * width:.1f},{y(share):.1f}" for i, share in enumerate(model) for end in (0, 1)]
    out.append(f'<polyline points="{" ".join(points)}" class="model"/>')
    out.append(line(left, height + 8, WIDTH - left, height + 8, "axis"))
    out += ticks(edges, left, width, height + 8)
    return drawing(out, height + 28, title)


def ticks(edges: Sequence[str], left: Length, width: Length, y: Length, most: int = 5) -> list[str]:
    """Return the texts of some of the edges of intervals, so that they do not overlap."""
    longest = max(map(len, edges), default=1)
    room = max(2, min(most, int(width * (len(edges) - 1) / (6.2 * longest + 10))))
    places = np.unique(np.round(np.linspace(0, len(edges) - 1, room)).astype(int))
    out = []
    for place in places:
        anchor = "start" if place == 0 else "end" if place == len(edges) - 1 else "middle"
        x = left + place * width
        out += [line(x, y, x, y + 3, "axis"), text(x, y + 14, edges[place], anchor, "faint")]
    return out


def two_heats(data: np.ndarray, model: np.ndarray, axes: tuple[Axis, Axis]) -> str:
    """Draw shares of pairs of bins, those of the data at the left and those of the draws at the right.

    Arguments:
        data, model: shape (bins along x, bins along y).
        axes: the bins along x and along y.
    """
    side, left, across = 118.0, LEFT - 8, axes[1]
    top = max(float(data.max(initial=0)), float(model.max(initial=0)), 1e-9)
    wide, high = side / data.shape[0], side / data.shape[1]
    out, below = [], 16 + side
    for k, (shares, name) in enumerate(((data, "dataheat"), (model, "modelfill"))):
        start = left + k * (side + 8)
        out.append(rect(start, 16, side, side, "frame"))
        for i, j in np.argwhere(shares > 1e-3 * top):
            # Levels are read from top to bottom, numbers grow upwards.
            y = 16 + (j if across.levels is not None else shares.shape[1] - 1 - j) * high
            out.append(rect(start + i * wide, y, wide, high, name, 0.06 + 0.94 * float(np.sqrt(shares[i, j] / top))))
        out.append(text(start + side / 2, 11, ("data", "model")[k], "middle", "faint"))
        out += _below(axes[0], start, below, wide)
    if across.levels is not None:
        name = "tiny" if len(across.labels) > 9 else "faint"
        for j, label in enumerate(across.labels):
            out.append(text(left - 4, 19 + (j + 0.5) * high, shortened(label), "end", name))
    else:
        ends = across.labels[-1], across.labels[0]
        out += [text(left - 4, y, end, "end", "faint") for y, end in zip((24, below), ends, strict=True)]
        out.append(text(left - 4, 20 + side / 2, shortened(across.name, 14), "end"))
    height = below + (50 if axes[0].levels is not None else 32)
    out.append(text(left + side + 4, height - 4, shortened(axes[0].name, 40), "middle"))
    return drawing(out, height, f"{axes[0].name} and {across.name}, data and model")


def _below(axis: Axis, start: Length, y: Length, wide: Length) -> list[str]:
    """Return the texts of an axis along x: the levels, turned, or the ends of numbers."""
    labels = axis.labels
    if axis.levels is None:
        end = start + wide * axis.size
        return [text(start, y + 13, labels[0], "start", "faint"), text(end, y + 13, labels[-1], "end", "faint")]
    out = []
    for i, label in enumerate(labels):
        x = start + (i + 0.5) * wide + 3
        turned = f'transform="rotate(-60 {x:.1f} {y + 7:.1f})"'
        words = escape(shortened(label, 8))
        out.append(f'<text x="{x:.1f}" y="{y + 7:.1f}" text-anchor="end" class="tiny" {turned}>{words}</text>')
    return out


def ranks(counts: np.ndarray, title: str) -> str:
    """Draw how many ranks lie in equal bins, and a band for what uniform ranks scatter by."""
    height, left, total = 90.0, 8.0, max(int(counts.sum()), 1)
    mean = total / len(counts)
    spread = 2 * np.sqrt(mean * (1 - 1 / len(counts)))
    top = max(float(counts.max(initial=0)), mean + spread) * 1.05
    width = (WIDTH - 2 * left) / len(counts)

    def y(count: Length) -> float:
        return 6 + height * (1 - count / top)

    out = [
        rect(left + i * width + 0.5, y(n), width - 1, height + 6 - y(n), "modelfill", 0.75)
        for i, n in enumerate(counts.tolist())
    ]
    low = max(mean - spread, 0)
    out.append(rect(left, y(mean + spread), WIDTH - 2 * left, y(low) - y(mean + spread), "band"))
    out += [
        line(left, y(mean), WIDTH - left, y(mean), "dashed"),
        line(left, height + 6, WIDTH - left, height + 6, "axis"),
    ]
    for at, words in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        anchor = "start" if at == 0 else "end" if at == 1 else "middle"
        out.append(text(left + at * (WIDTH - 2 * left), height + 20, words, anchor, "faint"))
    return drawing(out, height + 26, title)


def reliability(said: np.ndarray, occurred: np.ndarray, counts: np.ndarray, title: str) -> str:
    """Draw the shares that occurred over the probabilities that were given; large points are of many."""
    side, left = 150.0, 30.0
    out = [rect(left, 6, side, side, "frame"), line(left, 6 + side, left + side, 6, "dashed")]
    for p, share, n in zip(said, occurred, counts, strict=True):
        x, y, radius = left + side * p, 6 + side * (1 - share), 2 + 5 * np.sqrt(n / counts.max())
        error = 2 * side * np.sqrt(max(p * (1 - p), 1e-4) / n)
        out.append(line(x, min(y + error, 6 + side), x, max(y - error, 6), "thin"))
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="modelfill"/>')
    out += [text(left - 4, 6 + side, "0", "end", "faint"), text(left - 4, 14, "1", "end", "faint")]
    out.append(text(left + side, side + 20, "probability given: 1", "end", "faint"))
    out.append(text(left, side + 20, "0", "start", "faint"))
    return drawing(out, side + 26, title, left + side + 10)


def matrix(names: Sequence[str], values: np.ndarray, title: str) -> str:
    """Draw a square of numbers with the names of its rows and columns; larger ones are stronger."""
    cell, head, left = 30.0, 84.0, 112.0
    top = max(float(values.max(initial=0)), 1e-9)
    out = []
    for i, name in enumerate(names):
        x = left + (i + 0.6) * cell
        turned = f'transform="rotate(-45 {x:.1f} {head - 6:.1f})"'
        out.append(f'<text x="{x:.1f}" y="{head - 6:.1f}" {turned}>{escape(shortened(name, 14))}</text>')
        out.append(text(left - 6, head + (i + 0.6) * cell, shortened(name, 17), "end"))
        for j in range(len(names)):
            share = max(float(values[i, j]), 0.0) / top
            out.append(rect(left + j * cell, head + i * cell, cell - 1, cell - 1, "frame"))
            if i != j and share > 0.002:
                out.append(rect(left + j * cell, head + i * cell, cell - 1, cell - 1, "modelfill", 0.9 * share**0.5))
            if i != j and values[i, j] >= 0.005:
                middle = left + (j + 0.48) * cell
                out.append(text(middle, head + (i + 0.6) * cell, f"{values[i, j]:.2f}", "middle", "number"))
    width = left + cell * len(names) + 60
    return drawing(out, head + cell * len(names) + 4, title, width)


def dots(labels: Sequence[str], rows: Sequence[tuple[float, float]], names: tuple[str, str], title: str) -> str:
    """Draw two numbers from 0 to 1 for each label: a ring and a point."""
    low = min(0.9, *(min(row) for row in rows))
    low = np.floor(10 * low) / 10
    step, room = 17.0, WIDTH - LEFT - 20
    out = []
    for i, (label, (first, second)) in enumerate(zip(labels, rows, strict=True)):
        y = 10 + i * step
        out += [text(LEFT - 6, y + 4, shortened(label), "end"), line(LEFT, y, LEFT + room, y, "grid")]
        for value, name in ((second, "ring"), (first, "modelfill")):
            x = LEFT + room * (value - low) / (1 - low)
            out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="{name}"/>')
    y = 10 + len(labels) * step
    out += [text(LEFT, y + 4, f"{low:.1f}", "start", "faint"), text(LEFT + room, y + 4, "1", "end", "faint")]
    return drawing(out, y + 10, f"{title}: {names[0]}, {names[1]}")


def percent(share: Length) -> str:
    """Return a share in words."""
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"
