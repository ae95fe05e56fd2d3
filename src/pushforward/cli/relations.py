"""`pushforward relations`: which column tells about which."""

from typing import Annotated

import typer

from .options import Model, Seed, table_model


def relations(
    model: Model,
    rows: Annotated[int, typer.Option("-n", "--rows", help="Draws to estimate from.", min=1)] = 2000,
    seed: Seed = 0,
) -> None:
    """Print how much columns tell about each other in nats: alone, and beyond what all others tell."""
    import jax

    typer.echo(str(table_model(model).mutual_information(jax.random.key(seed), rows)))
