"""`pushforward anomaly`: rows that are unlike the table, and the cells to blame."""

import typer

from .options import Model, Output, TableFile, table_model


def anomaly(model: Model, table: TableFile, output: Output) -> None:
    """Write for each row a p-value, its log-density, and the cells that are least expected given the others.

    The p-value is the share of held-out rows that were at least as unlikely; columns p_value, log_prob and blame.
    """
    from .. import models

    typer.echo(models.anomaly_to(table_model(model), table, output))
