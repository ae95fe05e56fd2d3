"""Terminal output and input that the commands share: errors, notes, lists of names."""

import csv
import functools
import warnings
from collections.abc import Callable, Container
from typing import Any, ParamSpec, TypeVar

import typer

from .options import flag

P = ParamSpec("P")
R = TypeVar("R")

#: Errors that a user can cause. Any other error is a bug and keeps its traceback.
EXPECTED = (ValueError, OSError, RuntimeError, ImportError, ArithmeticError, MemoryError)


def explained(command: Callable[P, R], computes: bool = False) -> Callable[P, R]:
    """Make a command print its error as one sentence and exit with status 1, without a traceback.

    Arguments:
        command: the function of a command.
        computes: whether it computes so much that compiled programs are kept for the next time.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("default", category=UserWarning)
            warnings.showwarning = _show
            try:
                if computes:
                    from .. import cache_programs

                    cache_programs()
                return command(*args, **kwargs)
            except typer.Exit:
                raise
            except EXPECTED as error:
                typer.echo(f"Error: {_as_typed(_sentence(error), kwargs)}", err=True)
                raise typer.Exit(1) from None

    return wrapped


def note(text: str) -> None:
    """Print a note, on which the user need not act."""
    typer.echo(f"Note: {text}", err=True)


def split_names(text: str | None) -> tuple[str, ...] | None:
    """Split "a,b,c"; a name that holds a comma must stand in double quotes. None if there is no name."""
    names = next(csv.reader([text], skipinitialspace=True)) if text else ()
    return tuple(name.strip() for name in names if name.strip()) or None


def _show(message: Warning | str, *rest: Any) -> None:
    del rest
    note(" ".join(str(message).split()))


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return " ".join(text.split("\n\n")[0].split())


def _as_typed(sentence: str, arguments: Container[str]) -> str:
    """Replace the argument in backticks at the head of an error message by the option that the user types."""
    name, rule, rest = sentence.removeprefix("`").partition("` must be ")
    return f"`{flag(name)}{rule}{rest}" if rule and name in arguments else sentence
