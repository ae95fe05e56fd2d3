"""`pushforward compare`: have the rows of a table changed?"""

from pathlib import Path
from typing import Annotated

import typer

from .options import Model, Seed, table_model


def compare(
    model: Model,
    a: Annotated[Path, typer.Argument(help="A table like that of the fit.")],
    b: Annotated[Path, typer.Argument(help="Another one.")],
    seed: Seed = 0,
) -> None:
    """Test whether two tables are of one distribution, and name the columns that moved."""
    import jax

    opened = table_model(model)
    typer.echo(str(opened.compare(jax.random.key(seed), opened.read(a), opened.read(b))))
