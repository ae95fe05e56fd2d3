"""What the commands share on the way to the terminal: errors, notes, lists of names."""

import csv
import functools
import warnings
from collections.abc import Callable, Container
from typing import Any, ParamSpec, TypeVar

import typer

from .options import flag

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
                typer.echo(f"Error: {_as_typed(_sentence(error), kwargs)}", err=True)
                raise typer.Exit(1) from None

    return wrapped


def note(text: str) -> None:
    """Print what a user should know but need not act on."""
    typer.echo(f"Note: {text}", err=True)


def split_names(text: str | None) -> tuple[str, ...] | None:
    """Split "a,b,c"; a name that holds a comma goes in double quotes. None if there is no name."""
    names = next(csv.reader([text], skipinitialspace=True)) if text else ()
    return tuple(name.strip() for name in names if name.strip()) or None


def _show(message: Warning | str, *rest: Any) -> None:
    del rest
    note(" ".join(str(message).split()))


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return " ".join(text.split("\n\n")[0].split())


def _as_typed(sentence: str, arguments: Container[str]) -> str:
    """Call an argument at fault, which stands in backticks at the head of the sentence, what is typed for it."""
    name, rule, rest = sentence.removeprefix("`").partition("` must be ")
    return f"`{flag(name)}{rule}{rest}" if rule and name in arguments else sentence
