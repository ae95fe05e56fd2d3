"""What the fits of tables and of images share: options, checks before, the fit itself, the record after."""

import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import equinox as eqx
import jax
import numpy as np
import typer

from .._errors import require
from .._fields import trainable
from ..data import SUFFIXES, require_writable
from ..distributions import Pushforward
from ..io import save
from ..train import FitResult, fit
from .console import note
from .model import name_epoch

#: What is judged on held-out data: numbers with their standard errors, by name, and the lines that say so.
Verdict = tuple[dict[str, list[float]], list[str]]


@final
@dataclass(frozen=True)
class Run:
    """The options of every `pushforward fit`; None stands for the default of the Python API."""

    data: Path
    output: Path
    epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    test_fraction: float
    seed: int
    checkpoint: Path
    resume: bool
    quiet: bool

    def say(self, text: str) -> None:
        """Print, unless it is to be quiet."""
        if not self.quiet:
            typer.echo(text)


def check(run: Run) -> None:
    """Check before anything is read what would fail after the fit."""
    require(0 <= run.test_fraction < 1, "--test-fraction", "at least 0 and below 1", run.test_fraction)
    rate = run.learning_rate
    require(rate is None or 0 < rate < math.inf, "--learning-rate", "positive and finite", rate)
    _require_no_data(run)
    require_writable(run.output)
    _require_resumable(run)


def fit_flow(
    run: Run,
    key: Any,
    flow: Pushforward,
    x: np.ndarray,
    condition: np.ndarray | None,
    weights: np.ndarray | None = None,
    **more: Any,
) -> FitResult[Pushforward]:
    """Fit; `more` are arguments of `pushforward.fit` that are not options of every fit."""
    chosen = {
        "learning_rate": run.learning_rate,
        "batch_size": run.batch_size,
        "max_epochs": run.epochs,
        "progress": False if run.quiet else None,
    }
    options = {name: value for name, value in chosen.items() if value is not None}
    try:
        result = fit(key, flow, x, condition, weights, checkpoint=run.checkpoint, **options, **more)
    except KeyboardInterrupt:
        typer.echo("\nInterrupted. The same command with --resume continues the fit.", err=True)
        raise typer.Exit(130) from None
    if result.skipped_steps:
        note(f"{result.skipped_steps} steps were skipped, because the loss or its gradient was not finite.")
    return result


def keep(run: Run, result: FitResult[Pushforward], about: dict[str, Any], judge: Callable[[], Verdict] | None) -> None:
    """Save the model with its record, judge it if there is something to judge it by, and save what came of that."""
    about = {
        "version": version("pushforward"),
        **about,
        "seed": run.seed,
        "test_fraction": run.test_fraction,
        "data": run.data.name,
        "history": {name: [float(v) for v in values] for name, values in result.history.items()},
        "best_epoch": result.best_epoch,
        "skipped_steps": result.skipped_steps,
        "seconds": result.seconds,
    }
    # Saved before it is judged: an interruption from here on loses nothing.
    save(run.output, result.flow, about)
    shutil.rmtree(run.checkpoint, ignore_errors=True)
    if judge is not None:
        about["held_out"], lines = judge()
        save(run.output, result.flow, about)
        run.say("\n".join(lines))
    run.say(
        f"Saved {run.output}: {len(about['history']['train'])} epochs, best: {name_epoch(result.best_epoch)}; "
        f"{result.seconds:.0f} s."
    )


def count_parameters(flow: Pushforward) -> int:
    """Return how many numbers of a flow are learned."""
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(flow, trainable(flow))))


def at(array: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """Return some rows of an array, if there is one."""
    return None if array is None else array[rows]


def _require_no_data(run: Run) -> None:
    """Check that the model will not replace data, those of the fit least of all."""
    remedy = "Name the model as in -o model.pf."
    same = run.output.exists() and run.data.exists() and run.output.samefile(run.data)
    require(not same, "-o", "another file than DATA", str(run.output), remedy)
    ending = run.output.suffix.lower()
    require(ending not in SUFFIXES, "-o", "a file that does not end as tables do", str(run.output), remedy)


def _require_resumable(run: Run) -> None:
    path = run.checkpoint
    left = path.is_dir() and any(path.iterdir())
    if left and not run.resume:
        raise ValueError(
            f"{path} holds the state of a fit that did not finish; continue it with --resume, or remove the "
            "directory to start anew."
        )
    if run.resume and not left:
        note(f"there is nothing to resume in {path}: the fit starts anew.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"Cannot write the checkpoint {path}: no permission.")
