"""`pushforward fit`: from a table to a saved model, judged on held-out rows."""

import math
import os
import re
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import equinox as eqx
import jax
import numpy as np
import typer

from .. import flows
from .._errors import bad, require
from .._fields import trainable
from ..data import SUFFIXES, Table, read_table, require_writable
from ..distributions import Pushforward
from ..io import save
from ..train import FitResult, fit
from .console import note
from .inspecting import require_density, surprises
from .judging import judge, lines
from .model import fingerprint, name_epoch, split_rows


@final
@dataclass(frozen=True)
class Request:
    """The options of `pushforward fit`; None stands for the default of the Python API."""

    data: Path
    output: Path
    columns: tuple[str, ...]
    exclude: tuple[str, ...]
    given: tuple[str, ...]
    weights: str | None
    flow: str
    layers: int | None
    hidden: tuple[str, ...]
    epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    test_fraction: float
    seed: int
    checkpoint: Path
    resume: bool
    strict: bool
    quiet: bool


def fit_table(request: Request) -> None:
    """Read, check, split, fit, save, judge; what cannot work is found before the fit, not after."""
    require(0 <= request.test_fraction < 1, "--test-fraction", "at least 0 and below 1", request.test_fraction)
    rate = request.learning_rate
    require(rate is None or 0 < rate < math.inf, "--learning-rate", "positive and finite", rate)
    _require_no_table(request)
    require_writable(request.output)
    _require_resumable(request)

    def say(text: str) -> None:
        if not request.quiet:
            typer.echo(text)

    table, names = _read(request)
    say(f"{request.data}: {table.report()}")
    for sentence in table.advice:
        note(sentence)
    require_density(table, (*names, *request.given))
    for sentence in surprises(table, names):
        note(sentence)
    x = table.columns(names)
    condition = table.columns(request.given) if request.given else None
    weights = None if request.weights is None else table.columns([request.weights])[:, 0]
    train, test = split_rows(x.shape[0], request.test_fraction, request.seed)

    key_flow, key_fit = jax.random.split(jax.random.key(request.seed))
    options = _flow_options(request)
    flow = getattr(flows, request.flow)(key_flow, len(names), cond_dim=len(request.given), **options)
    say(f"Columns: {', '.join(names)}" + (f", given {', '.join(request.given)}" if request.given else "") + ".")
    parameters = count_parameters(flow)
    say(f"Flow: {request.flow}, {parameters:,} parameters. Rows: {train.size:,} to fit, {test.size:,} held out.")
    result = _fit(key_fit, flow, request, names, x[train], _at(condition, train), _at(weights, train))
    if not isinstance(result.flow, Pushforward):
        raise TypeError("a fit returns the kind of flow that it was given")
    about: dict[str, Any] = {
        "version": version("pushforward"),
        "columns": list(names),
        "given": list(request.given),
        "weights": request.weights,
        "flow": request.flow,
        "options": options,
        "parameters": parameters,
        "seed": request.seed,
        "test_fraction": request.test_fraction,
        "data": request.data.name,
        "fingerprint": fingerprint(table),
        "rows": {"read": table.rows_read, "complete": x.shape[0], "fit": train.size, "held_out": test.size},
        "history": {name: [float(v) for v in values] for name, values in result.history.items()},
        "best_epoch": result.best_epoch,
        "skipped_steps": result.skipped_steps,
        "seconds": result.seconds,
    }
    if result.skipped_steps:
        note(f"{result.skipped_steps} steps were skipped, because the loss or its gradient was not finite.")
    # Saved before it is judged: an interruption from here on loses nothing.
    save(request.output, result.flow, about)
    shutil.rmtree(request.checkpoint, ignore_errors=True)
    if test.size:
        results = judge(result.flow, x, condition, weights, train, test, request.seed)
        about["held_out"] = {name: [r.mean, r.standard_error] for name, r in results.items()}
        save(request.output, result.flow, about)
        say("\n".join(lines(results)))
    say(
        f"Saved {request.output}: {len(about['history']['train'])} epochs, best: {name_epoch(result.best_epoch)}; "
        f"{result.seconds:.0f} s."
    )


def count_parameters(flow: Pushforward) -> int:
    """Return how many numbers of a flow are learned."""
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(flow, trainable(flow))))


def _read(request: Request) -> tuple[Table, tuple[str, ...]]:
    """Return the table, and the names of the columns whose density is learned."""
    extra = (*request.given, *([request.weights] if request.weights else []))
    require(len(set(extra)) == len(extra), "--given", "different columns, none of them that of --weights", extra)
    columns = None
    if request.columns:
        columns = (*request.columns, *(name for name in extra if name not in request.columns))
    clash = sorted(set(extra) & set(request.exclude))
    require(not clash, "--exclude", "free of the columns of --given and --weights", clash)
    table = read_table(request.data, columns, request.exclude, request.strict)
    table.columns(extra)
    names = tuple(name for name in table.names if name not in extra)
    require(bool(names), "--columns", "at least one that is not in --given or --weights", list(table.names))
    if request.weights is not None:
        low = float(table.columns([request.weights]).min())
        require(low >= 0, "--weights", "a column without negative values", f"`{low:g}` in {request.weights}")
    return table, names


def _flow_options(request: Request) -> dict[str, Any]:
    options: dict[str, Any] = {} if request.layers is None else {"layers": request.layers}
    if request.hidden:
        try:
            options["hidden"] = tuple(int(width) for width in request.hidden)
        except ValueError:
            raise bad("--hidden", "widths such as 128,128", ",".join(request.hidden)) from None
        require(min(options["hidden"]) > 0, "--hidden", "positive widths", ",".join(request.hidden))
    return options


def _require_no_table(request: Request) -> None:
    """Check that the model will not replace a table, that of the fit least of all."""
    remedy = "Name the model as in -o model.pf."
    same = request.output.exists() and request.data.exists() and request.output.samefile(request.data)
    require(not same, "-o", "another file than DATA", str(request.output), remedy)
    ending = request.output.suffix.lower()
    require(ending not in SUFFIXES, "-o", "a file that does not end as tables do", str(request.output), remedy)


def _require_resumable(request: Request) -> None:
    path = request.checkpoint
    left = path.is_dir() and any(path.iterdir())
    if left and not request.resume:
        raise ValueError(
            f"{path} holds the state of a fit that did not finish; continue it with --resume, or remove the "
            "directory to start anew."
        )
    if request.resume and not left:
        note(f"there is nothing to resume in {path}: the fit starts anew.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"Cannot write the checkpoint {path}: no permission.")


def _fit(
    key: Any,
    flow: Pushforward,
    request: Request,
    names: tuple[str, ...],
    x: np.ndarray,
    condition: np.ndarray | None,
    weights: np.ndarray | None,
) -> FitResult:
    chosen = {
        "learning_rate": request.learning_rate,
        "batch_size": request.batch_size,
        "max_epochs": request.epochs,
        "progress": False if request.quiet else None,
    }
    options = {name: value for name, value in chosen.items() if value is not None}
    try:
        return fit(key, flow, x, condition, weights, checkpoint=request.checkpoint, **options)
    except KeyboardInterrupt:
        typer.echo("\nInterrupted. The same command with --resume continues the fit.", err=True)
        raise typer.Exit(130) from None
    except ValueError as error:
        raise ValueError(_with_names(str(error), names, request.given)) from error


def _with_names(sentence: str, names: tuple[str, ...], given: tuple[str, ...]) -> str:
    """Put names in the place of the column numbers of which the fit, which sees no names, speaks."""
    known = given if "`condition`" in sentence else names

    def name(match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[0])]
        return ", ".join(known[j] for j in numbers) if max(numbers) < len(known) else match[0]

    return re.sub(r"columns? \d+(, \d+)*", name, sentence)


def _at(array: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if array is None else array[rows]
