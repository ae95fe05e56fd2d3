"""Arguments and options that commands share, and the routing of options to a kind of model.

An option is passed to the argument of the same name of a method of `pushforward.models`. An option for which the kind
of model has no argument is refused. An error about the argument is shown as an error about the option.
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..models import TableModel

Model = Annotated[Path, typer.Argument(help="A file that `pushforward fit` wrote.")]
Data = Annotated[
    Path,
    typer.Argument(
        help="A table: .csv, .parquet, .feather, .npy or .npz. Or images: a folder of PNG or JPEG files (or of one "
        "folder of them for each class), an .npy or .npz array of 3 or 4 axes, an IDX file (MNIST), the word digits."
    ),
]
TableFile = Annotated[Path, typer.Argument(help="A table like that of the fit.")]
Seed = Annotated[int, typer.Option(help="Decides the draws.", min=0)]
Output = Annotated[Path, typer.Option("-o", "--output", help="File to write; its ending names the format.")]

#: How the help begins of options that are for one kind of data.
TABLE, IMAGES = "Tables: ", "Images: "
Labels = Annotated[
    bool,
    typer.Option("--labels/--no-labels", help=IMAGES + "whether the classes of the images count."),
]


def flag(name: str, value: Any = None) -> str:
    """Return the text that the user types for an argument of this name."""
    known = {"data": "DATA", "table": "TABLE", "target": "TARGET", "model": "MODEL", "output": "-o", "kinds": "--kind"}
    return known.get(name) or ("--no-" if value is False else "--") + name.replace("_", "-")


def options_of(options: Mapping[str, Any], reason: str, *functions: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return for each function the options for which it has arguments.

    Arguments:
        options: options by the names of arguments; None stands for an option that was not given.
        reason: why an option for which no function has an argument must be left out.
        functions: methods of a model, or of a kind of model.

    Raises:
        ValueError: if no function has an argument for an option; it is not silently ignored.
    """
    from .._errors import require

    given = {name: value for name, value in options.items() if value is not None}
    known = [inspect.signature(function).parameters for function in functions]
    for name, value in given.items():
        require(any(name in names for names in known), flag(name, value), f"left out: {reason}", value)
    return [{name: value for name, value in given.items() if name in names} for names in known]


def table_model(model: Path) -> "TableModel":
    """Load the model of a table of any kinds.

    Raises:
        ValueError: if the file holds a model of another kind.
    """
    from .. import models
    from .._errors import bad

    opened = models.load(model)
    if not isinstance(opened, models.TableModel):
        remedy = "Fit one with: pushforward fit TABLE -o MODEL."
        raise bad("MODEL", "a model of a table of any kinds of columns", f"`a model of {opened.of} in {model}`", remedy)
    return opened
