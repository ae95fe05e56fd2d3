"""Fit a flow to data by maximum likelihood."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import optax

from .._devices import sharing
from .._errors import bad, require, require_count, require_key
from .._types import ArrayLike, Key
from ..distributions._base import AbstractDistribution
from . import rows as _rows
from .checkpoint import Checkpoint
from .checks import check_columns, check_table, warn_constant_conditions
from .diagnose import explain
from .fingerprint import fingerprint
from .loop import Objective, Settings, adam, clipped, minimize
from .moments import Moments, moments
from .objectives.maximum_likelihood import negative_log_likelihood, row_losses
from .progress import progress_bar
from .result import FitResult, Flow
from .rows import Rows, blocks, shuffled, split_rows
from .schedule import Schedule, check_settings, default_schedule, tabulate
from .standardize import standardize

LEARNING_RATE = 5e-3
#: Steps that a fit of default length takes, within these bounds on the number of epochs.
STEPS, MIN_EPOCHS, MAX_EPOCHS = 1500, 5, 400
#: Rows of a batch that a device receives at least, on CPU and elsewhere: below, the exchange costs more than it spares.
CPU_SHARE, SHARE = 128, 4096
#: Rows per line, and lines, of one evaluation of the losses of many rows.
EVALUATION_ROWS = 1024
EVALUATION_LINES = 8


def fit(
    key: Key,
    flow: Flow,
    x: ArrayLike,
    condition: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    learning_rate: float | int | Schedule | None = None,
    batch_size: int = 512,
    max_epochs: int | None = None,
    patience: int = 20,
    val_fraction: float | int = 0.1,
    optimizer: optax.GradientTransformation | None = None,
    clip_norm: float | int | None = 5.0,
    max_skipped: int = 20,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> FitResult[Flow]:
    """Fit a flow to data by maximum likelihood and return it with the record of the fit.

        minimize Σ_i w_i (-log p(x_i | c_i)) / Σ_i w_i   over the trainable arrays of `flow`

    Location, scale and correlations of the data that the flow carries (`Standardize`, `Whiten`,
    `StandardizeCondition`, `Regress`, as the flows of `pushforward.flows` do) are first fitted in closed form, where
    that has not been done. The same
    arguments give the same result, bit for bit, on the same machine with the same number of devices. Devices share
    the batches, if each receives at least 128 rows (4096, if it is no CPU) and `flow` is not committed to one.

    Arguments:
        key: random key: decides the validation rows and the order of the others.
        flow: the flow to begin from; it is not changed.
        x: shape (rows, *flow.shape), any real dtype; NumPy memory maps are read in pieces. Taken as float32,
            or as float64 if it is float64 and 64-bit JAX is enabled.
        condition: shape (rows, *flow.cond_shape), for a conditional flow.
        weights: shape (rows,), non-negative, of any scale; rows of weight zero are left out.
        learning_rate: a number, the peak of a warm-up and a cosine decay over `max_epochs` (5e-3 if None), or
            a schedule, a function of the step. None with an `optimizer`, which has its own.
        batch_size: the most rows of one step. Every row is used in every epoch.
        max_epochs: the most passes over the rows; None: about 1500 steps, at least 5 passes and at most 400.
        patience: stop after so many epochs without a better validation loss.
        val_fraction: share of the rows kept for validation, from 0 (nothing stops the fit early) to below 1.
        optimizer: any optax optimizer, in place of Adam.
        clip_norm: largest global norm of a gradient, beyond which it is scaled down; None for no limit.
        max_skipped: the most steps in a row that may be skipped because the loss or gradient is not finite.
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        checkpoint: a directory that receives the state after each epoch. The same call again goes on from
            there and ends as an uninterrupted one would have, bit for bit; a finished one returns at once.

    Raises:
        ValueError: if an argument is not as stated; if cells are not finite; if columns are constant or
            linearly dependent; if rows lie outside the support of the flow; if `checkpoint` is of another
            fit.
        NonFiniteError: if more than `max_skipped` steps in a row are not finite. It names the part of the
            flow at fault and carries the best finite parameters.
    """
    started = time.monotonic()
    require_key(key)
    if not isinstance(flow, AbstractDistribution):
        raise bad("flow", "a distribution, such as pf.flows.nsf(key, dim)", f"`{type(flow).__name__}`")
    check_settings(learning_rate, optimizer, clip_norm)
    require(0 <= val_fraction < 1, "val_fraction", "from 0 to below 1", val_fraction)
    for name, value in {"batch_size": batch_size, "patience": patience}.items():
        require_count(name, value)
    if max_epochs is not None:
        require_count("max_epochs", max_epochs)
    require_count("max_skipped", max_skipped, 0)
    table, used = check_table(flow, x, condition, weights)
    words = np.asarray(jax.random.key_data(key))
    train, val = split_rows(used, val_fraction, words)
    of_x, of_condition = _moments(table, train)
    check_columns(table, train, of_x, flow.shape)
    if of_condition is not None:
        warn_constant_conditions(of_condition, flow.cond_shape or ())

    peak = LEARNING_RATE if learning_rate is None else learning_rate
    per_epoch = math.ceil(len(train) / batch_size)
    if max_epochs is None:
        max_epochs = min(max(math.ceil(STEPS / per_epoch), MIN_EPOCHS), MAX_EPOCHS)
    if optimizer is not None:
        optimizer, schedule = clipped(optimizer, clip_norm), optax.constant_schedule(1.0)
    else:
        schedule = peak if callable(peak) else default_schedule(peak, max_epochs * per_epoch)
        optimizer = adam(clip_norm)
    least = CPU_SHARE if jax.default_backend() == "cpu" else SHARE
    devices = sharing(math.ceil(len(train) / per_epoch), least, flow)
    settings = Settings(optimizer, tabulate(schedule), max_epochs, patience, max_skipped, devices)
    store = None
    if checkpoint is not None:
        given = {
            "batch_size": batch_size,
            "max_epochs": max_epochs,
            "patience": patience,
            "val_fraction": val_fraction,
            "clip_norm": clip_norm,
            "max_skipped": max_skipped,
        }
        rates = settings.rates(0, 1000) if callable(peak) else np.asarray(peak)
        store = Checkpoint(checkpoint, fingerprint(table, words, flow, given, optimizer, rates))
    with progress_bar(max_epochs, progress) as bar:
        try:
            flow = standardize(flow, table, train, of_x, of_condition)
            evaluate = _evaluator(table, train, len(val))
            if store is None or store.is_empty:
                _check_support(flow, table, evaluate(flow, used), used)
            objective = Objective(
                negative_log_likelihood,
                shuffled(table, train, batch_size, words, devices),
                _validation(table, val, evaluate) if len(val) else None,
                explain,
            )
            return minimize(key, flow, objective, settings, bar=bar, checkpoint=store, started=started)
        except KeyboardInterrupt as interrupt:
            if store is not None and not store.is_empty:
                interrupt.add_note(f"The fit is kept in {checkpoint}; the same call goes on from there.")
            raise
        finally:
            if store is not None:
                store.close()


def _moments(table: Rows, train: np.ndarray) -> tuple[Moments, Moments | None]:
    def of(array: np.ndarray) -> Moments:
        every = np.ones(len(train)) if table.weights is None else table.weights[train]
        every = every / every.max()
        return moments((block, every[start : start + len(block)]) for start, block in blocks(array, train))

    return of(table.x), None if table.condition is None else of(table.condition)


def _evaluator(
    table: Rows, train: np.ndarray, num_val: int
) -> Callable[[AbstractDistribution, np.ndarray], np.ndarray]:
    """Return a function (flow, rows) -> -log p of each row, which compiles one shape whatever the rows."""
    size = min(EVALUATION_ROWS, len(train) + num_val)
    wanted = max(math.ceil(num_val / size), min(EVALUATION_LINES, math.ceil(len(train) / size)))
    lines = max(1, min(wanted, _rows.CHUNK_BYTES // (size * table.bytes_per_row())))

    def evaluate(flow: AbstractDistribution, rows: np.ndarray) -> np.ndarray:
        losses = []
        for start in range(0, len(rows), lines * size):
            part = rows[start : start + lines * size]
            padded = np.concatenate([part, np.repeat(part[:1], lines * size - len(part))])
            batches = table.batches(padded.reshape((lines, size)), 1.0)
            losses.append(np.asarray(row_losses(flow, batches), np.float64).ravel()[: len(part)])
        return np.concatenate(losses)

    return evaluate


def _validation(
    table: Rows, val: np.ndarray, evaluate: Callable[[AbstractDistribution, np.ndarray], np.ndarray]
) -> Callable[[AbstractDistribution], float]:
    weights = np.ones(len(val)) if table.weights is None else table.weights[val]
    return lambda flow: float(np.average(evaluate(flow, val), weights=weights / weights.max()))


def _check_support(flow: AbstractDistribution, table: Rows, losses: np.ndarray, used: np.ndarray) -> None:
    """Check that every row has a density before any training."""
    outside = used[~np.isfinite(losses)]
    if outside.size:
        shown = ", ".join(map(str, outside[:5]))
        cause = explain(flow, table.batches(outside[:EVALUATION_ROWS], 1.0), outside[:EVALUATION_ROWS])
        raise bad(
            "x",
            "inside the support of `flow`",
            f"`{outside.size} of {len(used)} rows without a finite log-density`, first row {shown}",
            f"{cause} Drop these rows, or build the flow on a support that holds them.",
        )
