"""`pushforward report`: one page on a model and its table."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Model, Seed, TableFile, table_model


def report(
    model: Model,
    table: TableFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write, .html.")],
    seed: Seed = 0,
) -> None:
    """Write one page on a model of a table, to be read in a browser without a network.

    Kinds of columns, scores beside baselines, data beside draws, calibration, the least likely rows, what tells about
    what, and how near draws are to rows of the fit.
    """
    from ..report import write_report

    typer.echo(write_report(table_model(model), table, output, seed))
