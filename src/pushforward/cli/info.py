"""`pushforward info`: the description of a model, its fit and its scores."""

from typing import Any

import typer

from .options import Model


def info(model: Model) -> None:
    """Say what a model is: its columns or images, its architecture, how it was fitted, what it scored."""
    from .. import models

    show(models.load(model))


def show(opened: Any) -> None:
    """Print the description of a model."""
    for name, text in opened.describe():
        typer.echo(f"{name:<19} {text}")
