"""`pushforward info`: the description of a model, its fit and its scores."""

import typer

from .options import Model


def info(model: Model) -> None:
    """Say what a model is: its columns or images, its architecture, how it was fitted, what it scored."""
    from .. import models

    for name, text in models.load(model).describe():
        typer.echo(f"{name:<19} {text}")
