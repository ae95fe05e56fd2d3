"""What the commands share on the way to the terminal: errors, notes, lists of names."""

import csv
import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import typer

P = ParamSpec("P")
R = TypeVar("R")

#: Failures that a user can cause. Any other is a bug and keeps its traceback.
EXPECTED = (ValueError, OSError, RuntimeError, ImportError, ArithmeticError, MemoryError)


def explained(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command say what is wrong in one sentence, and exit with status 1, instead of a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("default", category=UserWarning)
            warnings.showwarning = _show
            try:
                return command(*args, **kwargs)
            except typer.Exit:
                raise
            except EXPECTED as error:
                typer.echo(f"Error: {_sentence(error)}", err=True)
                raise typer.Exit(1) from None

    return wrapped


def note(text: str) -> None:
    """Print what a user should know but need not act on."""
    typer.echo(f"Note: {text}", err=True)


def split_names(text: str | None) -> tuple[str, ...]:
    """Split "a,b,c"; a name that holds a comma goes in double quotes."""
    if not text:
        return ()
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True)) if name.strip())


def require_left_out(options: dict[str, Any], reason: str) -> None:
    """Raise if one of the options, by name, is given: where it has no meaning it is not passed over."""
    from .._errors import require

    for name, value in options.items():
        require(value is None or value is False or value == (), name, f"left out: {reason}", value)


def _show(message: Warning | str, *rest: Any) -> None:
    del rest
    note(" ".join(str(message).split()))


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return " ".join(text.split("\n\n")[0].split())
