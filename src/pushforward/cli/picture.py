"""`pushforward plot`: samples against data, and the loss curves, in one picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import jax
import numpy as np
import typer

from .._errors import bad, require
from ..data import require_writable
from ..plot import corner, losses
from ..plot._style import need
from .console import note
from .model import NamedModel

#: Most columns that are drawn unless they are asked for, and most rows of each cloud.
MOST_COLUMNS, MOST_ROWS = 12, 20_000
#: With fewer variables than this the loss curves stand beside the corner plot, not in its empty half.
WIDE_BELOW = 5


def plot_model(named: NamedModel, data: Path | None, output: Path, columns: tuple[str, ...], seed: int) -> None:
    """Draw and save the picture."""
    require(output.suffix.lower() in (".png", ".pdf", ".svg"), "-o", "a .png, .pdf or .svg file", str(output))
    require_writable(output)
    figure_module = need("matplotlib.figure")
    need("corner")
    names = (*named.columns, *named.given)
    for name in columns:
        require(name in names, "--columns", f"columns of the model, {', '.join(names)}", name)
    shown = columns or names[:MOST_COLUMNS]
    if not columns and len(names) > MOST_COLUMNS:
        note(f"the first {MOST_COLUMNS} of {len(names)} columns are drawn; --columns a,b,c chooses others.")
    key = jax.random.key(seed)
    rows = None
    if data is None:
        if named.given:
            remedy = "Its samples are drawn at the given values of a table."
            raise bad("DATA", f"given for a model conditional on {', '.join(named.given)}", None, remedy)
        samples = np.asarray(named.flow.sample(key, (MOST_ROWS,)))
    else:
        table, x, condition = named.read(data)
        if table.rows_read > table.rows.size:
            note(f"{data}: {table.report()}")
        chosen = np.random.default_rng(seed).permutation(x.shape[0])[:MOST_ROWS]
        rows = table.values[chosen]
        if condition is None:
            samples = np.asarray(named.flow.sample(key, (MOST_ROWS,)))
        else:
            drawn = np.asarray(named.flow.sample(key, (), condition[chosen]))
            samples = np.concatenate([drawn, condition[chosen]], axis=1)
    places = [names.index(name) for name in shown]
    figure, spot = _figure(figure_module, len(shown), bool(named.about.get("history")))
    corner(samples[:, places], None if rows is None else rows[:, places], shown, figure=figure)
    if spot is not None:
        _place(figure, spot, named.about)
    figure.savefig(output, dpi=110 if len(shown) > 6 else 150)
    compared = "" if rows is None else f" beside {rows.shape[0]:,} rows of {data}"
    typer.echo(f"{samples.shape[0]:,} samples{compared} drawn to {output}; contours hold 39, 86 and 98 % of the rows.")


def _figure(module: Any, d: int, curves: bool) -> tuple[Any, tuple[float, int] | None]:
    """Return a figure for d variables and, if loss curves go into it, the inches of its corner plot and d."""
    size = min(max(1.6 * d + 0.8, 4.0), 18.0)
    wide = curves and d < WIDE_BELOW
    figure = module.Figure(figsize=(size + 4.6 if wide else size, size))
    return figure, (size, d) if curves else None


def _place(figure: Any, spot: tuple[float, int], about: dict[str, Any]) -> None:
    """Put the loss curves beside a small corner plot, or into the empty corner of a large one."""
    size, d = spot
    width, height = figure.get_size_inches()
    box = figure.subplotpars
    if d < WIDE_BELOW:
        figure.subplots_adjust(left=box.left * size / width, right=box.right * size / width)
        left, right, top = (size + 0.6) / width, 1 - 0.15 / width, 1 - 0.4 / height
        bottom = max(0.6 / height, top - 3.4 / height)
    else:
        cell, rows = (box.right - box.left) / d, max(2, d // 2 - 1)
        right, top = box.right, box.top
        left = max(box.left + cell * (rows + 1.5), right - 5.6 / width)
        bottom = max(top - cell * (rows - 0.2), top - 3.6 / height)
    axes = figure.add_axes((left, bottom, right - left, top - bottom))
    losses(_Record(about["history"], about["best_epoch"]), ax=axes)
    axes.set_title("fit", fontsize=11)


@final
@dataclass(frozen=True)
class _Record:
    """The record of a fit, as `losses` reads it."""

    history: dict[str, list[float]]
    best_epoch: int
