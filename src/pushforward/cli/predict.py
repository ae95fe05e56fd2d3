"""`pushforward predict`: the distribution of one column given the others."""

from typing import Annotated

import typer

from .console import split_names
from .options import Model, Output, TableFile, table_model


def predict(
    model: Model,
    target: Annotated[str, typer.Argument(help="The column to predict: a number or a category.")],
    table: TableFile,
    output: Output,
    quantiles: Annotated[
        str | None, typer.Option(help="Levels of the quantiles of a number, 0.05,0.95 by default.")
    ] = None,
    coverage: Annotated[
        float | None, typer.Option(help="Probability of an interval, written as TARGET.low and TARGET.high.")
    ] = None,
) -> None:
    """Write the distribution of a column given the observed cells of the others, in new columns of the table.

    Numbers get TARGET.mean, TARGET.median and TARGET.q05, ...; categories TARGET.mode and the probability of each
    level, TARGET.LEVEL. Columns that the table lacks, and empty cells, are taken as not known.
    """
    from .. import models

    levels = _numbers(quantiles)
    typer.echo(models.predict_to(table_model(model), target, table, output, levels, coverage))


def _numbers(text: str | None) -> list[float] | None:
    from .._errors import bad

    if text is None:
        return None
    try:
        return [float(level) for level in split_names(text) or ()]
    except ValueError:
        raise bad("quantiles", "levels such as 0.05,0.5,0.95", text) from None
