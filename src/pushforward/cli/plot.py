"""`pushforward plot`: samples against data, and the loss curves, in one picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import note, split_names
from .options import Model

if TYPE_CHECKING:
    from ..data import Table
    from ..models import Record, TableModel, VectorModel

#: Most columns drawn by default, and most rows of each cloud.
MOST_COLUMNS, MOST_ROWS = 12, 20_000
#: Most columns of any kinds drawn by default.
MOST_KINDS = 8
#: With fewer variables than this, the loss curves stand beside the corner plot instead of in its empty half.
WIDE_BELOW = 5


def plot(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="Picture to write: .png, .pdf or .svg.")],
    data: Annotated[Path | None, typer.Argument(help="A table to compare the draws with.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns to draw, a,b,c; the first ones by default.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the draws.", min=0)] = 0,
) -> None:
    """Draw columns and pairs of columns of a table, draws of the model beside DATA.

    Of a table of any kinds, the data are below the diagonal and draws above it. Of a table of numbers, a corner plot
    is drawn, with the loss curves of the fit.
    """
    from .. import models
    from .._errors import bad, require
    from ..data import require_writable

    opened = models.load(model)
    if not isinstance(opened, models.VectorModel | models.TableModel):
        remedy = f"Draw images with: pushforward sample {model} -n 64 -o grid.png."
        raise bad("MODEL", "a model of a table", f"`a model of {opened.of} in {model}`", remedy)
    require(output.suffix.lower() in (".png", ".pdf", ".svg"), "-o", "a .png, .pdf or .svg file", str(output))
    require_writable(output)
    if isinstance(opened, models.TableModel):
        _of_any_kinds(opened, output, data, split_names(columns), seed)
    else:
        _of_numbers(opened, output, data, split_names(columns), seed)


def _of_any_kinds(
    model: "TableModel", output: Path, data: Path | None, asked: tuple[str, ...] | None, seed: int
) -> None:
    """Draw the columns of a table of any kinds, data beside draws."""
    import numpy as np

    from .._errors import bad, require
    from ..plot import columns as draw
    from ..plot import need

    if data is None:
        raise bad("DATA", "given: the table of the fit, or another one", None)
    module = need("matplotlib.figure")
    known = (*model.schema.event, *model.schema.given)
    for name in asked or ():
        require(name in known, "--columns", f"columns of the model, {', '.join(known)}", name)
    names = asked or known[:MOST_KINDS]
    if asked is None and len(known) > MOST_KINDS:
        note(f"the first {MOST_KINDS} of {len(known)} columns are drawn; --columns a,b,c chooses others.")
    frame = model.read(data)
    some = frame.take(np.random.default_rng(seed).permutation(len(frame))[:MOST_ROWS])
    size = min(max(1.7 * len(names) + 1.2, 5.0), 18.0)
    figure = module.Figure(figsize=(size, size), layout="constrained")
    draw(model, some, names, seed=seed, figure=figure)
    figure.savefig(output, dpi=150)
    typer.echo(f"{len(some):,} rows of {data} and as many draws drawn to {output}: data below the diagonal.")


def _of_numbers(
    opened: "VectorModel", output: Path, data: Path | None, asked: tuple[str, ...] | None, seed: int
) -> None:
    """Draw a corner plot of samples, and the loss curves of the fit."""
    from .._errors import require
    from ..plot import corner, need

    figure_module = need("matplotlib.figure")
    need("corner")
    names = (*opened.schema.event, *opened.schema.given)
    for name in asked or ():
        require(name in names, "--columns", f"columns of the model, {', '.join(names)}", name)
    shown = asked or names[:MOST_COLUMNS]
    if asked is None and len(names) > MOST_COLUMNS:
        note(f"the first {MOST_COLUMNS} of {len(names)} columns are drawn; --columns a,b,c chooses others.")
    samples, rows = _clouds(opened, data, seed)
    record = opened.record
    figure, spot = _figure(figure_module, len(shown), record is not None and bool(record.history))
    against = None if rows is None else rows.columns(shown)
    corner(samples.columns(shown), against, shown, figure=figure)
    if spot is not None and record is not None:
        _place(figure, spot, record)
    figure.savefig(output, dpi=110 if len(shown) > 6 else 150)
    compared = "" if rows is None else f" beside {len(rows):,} rows of {data}"
    typer.echo(f"{len(samples):,} samples{compared} drawn to {output}; contours hold 39, 86 and 98 % of the rows.")


def _clouds(model: "VectorModel", data: Path | None, seed: int) -> "tuple[Table, Table | None]":
    """Return samples, and rows of the data if given; a conditional model is sampled at the conditions of these rows."""
    import jax
    import numpy as np

    from .._errors import bad

    key, given = jax.random.key(seed), model.schema.given
    if data is None:
        if given:
            remedy = "Its samples are drawn at the given values of a table."
            raise bad("DATA", f"given for a model conditional on {', '.join(given)}", None, remedy)
        return model.sample(key, MOST_ROWS), None
    table = model.read_columns(data)
    if table.rows_read > len(table):
        note(f"{data}: {table.report()}")
    rows = table.take(np.random.default_rng(seed).permutation(len(table))[:MOST_ROWS])
    return (model.sample(key, 1, rows) if given else model.sample(key, MOST_ROWS)), rows


def _figure(module: Any, d: int, curves: bool) -> tuple[Any, tuple[float, int] | None]:
    """Return a figure for d variables and, if it shows loss curves, the size of its corner plot in inches and d."""
    size = min(max(1.6 * d + 0.8, 4.0), 18.0)
    wide = curves and d < WIDE_BELOW
    figure = module.Figure(figsize=(size + 4.6 if wide else size, size))
    return figure, (size, d) if curves else None


def _place(figure: Any, spot: tuple[float, int], record: "Record") -> None:
    """Put the loss curves beside a small corner plot, or into the empty corner of a large one."""
    from ..plot import losses

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
    losses(record, ax=axes)
    axes.set_title("fit", fontsize=11)
