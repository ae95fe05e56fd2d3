"""`pushforward impute`: missing cells, filled in."""

from typing import Annotated

import typer

from .options import Model, Output, Seed, TableFile, table_model


def impute(
    model: Model,
    table: TableFile,
    output: Output,
    m: Annotated[
        int | None,
        typer.Option("-m", help="Completed tables to write for multiple imputation: out.1.csv, out.2.csv, ...", min=1),
    ] = None,
    most_likely: Annotated[
        bool, typer.Option("--most-likely", help="Fill in medians and the likeliest categories, no draws.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Fill in the missing cells of a table with draws given the observed cells; other cells stay as they are."""
    from .. import models

    typer.echo(models.impute_to(table_model(model), table, output, m, most_likely, seed))
