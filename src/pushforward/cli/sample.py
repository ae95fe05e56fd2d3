"""`pushforward sample`: draws with the names of their columns."""

import math
from pathlib import Path
from typing import Annotated

import typer

from .console import split_names
from .options import IMAGES, TABLE, Model, Output, options_of


def sample(
    model: Model,
    output: Output,
    n: Annotated[
        int, typer.Option("-n", help="Rows or images to draw; with --given FILE, for each of its rows.", min=1)
    ],
    seed: Annotated[int, typer.Option(help="Decides the draws.", min=0)] = 0,
    given: Annotated[
        str | None,
        typer.Option(
            help=TABLE + "what to condition on: carrier=AA,delay=0..30,origin=JFK|LGA,month=>6, or a table of cells."
        ),
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help=TABLE + "draw empty cells, too, as the table has them.")
    ] = False,
    label: Annotated[
        str | None,
        typer.Option(help=IMAGES + "class of the images; by default the classes take turns."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help=IMAGES + "below 1: images closer to the typical, less diverse."),
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(help=IMAGES + "weight of the class over none in a tarflow with labels."),
    ] = None,
) -> None:
    """Draw rows, or images: a .png file shows them in a grid, .npy and .npz files hold their pixels.

    A condition on a column of a table is name=value; name=a..b, >a, >=a, <b or <=b for a range; name=a|b|c for any of
    several values. A value that holds one of these signs stands in double quotes.
    """
    from .. import models

    opened = models.load(model)
    asked = {
        "given": given,
        "missing": missing or None,
        "label": label,
        "temperature": temperature,
        "guidance": guidance,
    }
    (options,) = options_of(asked, f"{model} is a model of {opened.of}", opened.sample_to)
    if given is not None:
        is_file = ("=" not in given and not set("<>") & set(given)) or Path(given).exists()
        if isinstance(opened, models.TableModel):
            options["given"] = opened.read(Path(given)) if is_file else models.parse_given(opened.schema, given)
        else:
            options["given"] = Path(given) if is_file else _values(given)
    typer.echo(opened.sample_to(output, n, seed, **options))


def _values(given: str) -> dict[str, float]:
    """Return the values by name that `--given` states for a model of numbers."""
    from .._errors import bad

    pairs = [pair.partition("=") for pair in split_names(given) or ()]
    values = {name.strip(): _number(name.strip(), value) for name, _, value in pairs}
    if len(values) != len(pairs):
        raise bad("--given", "one value of each name", given)
    return values


def _number(name: str, text: str) -> float:
    from .._errors import bad

    try:
        value = float(text)
    except ValueError:
        raise bad("--given", "name=number", f"{name}={text}") from None
    if not math.isfinite(value):
        raise bad("--given", "finite", f"{name}={text}")
    return value
