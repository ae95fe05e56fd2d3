"""`pushforward describe`: the columns of a model, one by one, and all that `info` says."""

import typer

from .info import show
from .options import Model


def describe(model: Model) -> None:
    """Say what a model knows of each column: kind and why, missing cells, range or levels; and all that info says."""
    from .. import models

    opened = models.load(model)
    if isinstance(opened, models.TableModel):
        typer.echo(models.describe_columns(opened) + "\n")
    show(opened)
