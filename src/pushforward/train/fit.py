"""Fit a flow to data by maximum likelihood."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._errors import bad, require, require_count, require_key
from .._types import ArrayLike, Key
from ..distributions._base import AbstractDistribution
from ..numerics.moments import Moments, moments
from ..parallel.mesh import sharing
from .explain import explain
from .loop.checkpoint import Checkpoint
from .loop.fingerprint import fingerprint, tree_digest
from .loop.minimize import Objective, Settings, minimize
from .loop.progress import progress_bar
from .loop.result import FitResult, Flow, NonFiniteError
from .loop.schedule import Schedule, check_settings, default_schedule, tabulate
from .loop.steps import adam, clipped
from .objectives.data.maximum_likelihood import negative_log_likelihood, row_losses
from .objectives.data.noisy_likelihood import (
    Augment,
    Noise,
    NoisyLikelihood,
    WithDequantizer,
    as_float,
    noisy_row_losses,
)
from .rows import rows as _rows
from .rows.checks import check_columns, check_noise, check_table, warn_constant_conditions
from .rows.rows import Rows, blocks, shuffled, split_rows
from .start.rows import SAMPLE, RowsData, set_from_rows

#: For vectors; for events of several axes, such as images, whose networks are deeper.
LEARNING_RATE, IMAGE_LEARNING_RATE = 5e-3, 1e-3
BATCH_SIZE, IMAGE_BATCH_SIZE = 512, 64
#: Steps that a fit of default length takes, within these bounds on the number of epochs.
STEPS, MIN_EPOCHS, MAX_EPOCHS = 1500, 5, 400
#: Rows of a batch that a device receives at least, on CPU and elsewhere: below, the exchange costs more than it spares.
CPU_SHARE, SHARE, IMAGE_SHARE = 128, 4096, 16
#: Rows per line, and lines, of one evaluation of the losses of many rows.
EVALUATION_ROWS, EVALUATION_ELEMENTS = 1024, 1 << 17
EVALUATION_LINES = 8
#: Elements of the events by which locations and scales are set where noise comes on top.
NOISY_ELEMENTS = 1 << 24


def fit(
    key: Key,
    flow: Flow,
    x: ArrayLike,
    condition: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    learning_rate: float | int | Schedule | None = None,
    batch_size: int | None = None,
    max_epochs: int | None = None,
    patience: int = 20,
    val_fraction: float | int = 0.1,
    optimizer: optax.GradientTransformation | None = None,
    clip_norm: float | int | None = 5.0,
    max_skipped: int = 20,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
    noise: Noise = None,
    augment: Augment | None = None,
    drop_condition: float | int = 0,
    average: float | None = None,
) -> FitResult[Flow]:
    """Fit a flow to data by maximum likelihood and return it with the record of the fit.

        minimize Σ_i w_i (-log p(x_i | c_i)) / Σ_i w_i   over the trainable arrays of `flow`

    Location, scale and correlations of the data that the flow carries (`Standardize`, `Whiten`,
    `StandardizeCondition`, `Regress`, as the flows of `pushforward.flows` do) are first fitted in closed form, where
    that has not been done; then each `ActNorm` is set by a batch of the data (`pushforward.train.initialize`). The same
    arguments give the same result, bit for bit, on the same machine with the same number of devices. Devices share
    the batches, if each receives at least 128 rows (4096, if it is no CPU; 16 events of several axes) and `flow` is not
    committed to one.

    Images, and other whole numbers, have no density: with `noise="uniform"` a flow learns that of x + u, u uniform in
    [0, 1), whose mean log-density is a lower bound of the mean log-probability of x. With noise from a distribution
    q(u | x), learned along, the bound is tighter: E[log p(x + u) - log q(u | x)]. A validation row has the same noise
    in every epoch.

    Arguments:
        key: random key: decides the validation rows and the order of the others.
        flow: the flow to begin from; it is not changed.
        x: shape (rows, *flow.shape), any real dtype; NumPy memory maps are read in pieces. Taken as float32,
            or as float64 if it is float64 and 64-bit JAX is enabled.
        condition: shape (rows, *flow.cond_shape), for a conditional flow.
        weights: shape (rows,), non-negative, of any scale; rows of weight zero are left out.
        learning_rate: a number, the peak of a warm-up and a cosine decay over `max_epochs` (5e-3 if None), or
            a schedule, a function of the step; 1e-3 for events of several axes. None with an `optimizer`, which has
            its own.
        batch_size: the most rows of one step; None: 512, or 64 events of several axes. Every row is used in every
            epoch.
        max_epochs: the most passes over the rows; None: about 1500 steps, at least 5 passes and at most 400.
        patience: stop after so many epochs without a better validation loss.
        val_fraction: share of the rows kept for validation, from 0 (nothing stops the fit early) to below 1.
        optimizer: any optax optimizer, in place of Adam.
        clip_norm: largest global norm of a gradient, beyond which it is scaled down; None for no limit.
        max_skipped: the most steps in a row that may be skipped because the loss or gradient is not finite.
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        checkpoint: a directory that receives the state after each epoch. The same call again goes on from
            there and ends as an uninterrupted one would have, bit for bit; a finished one returns at once.
        noise: what is added to x at each use: "uniform" for whole numbers; a number, the standard deviation of normal
            noise; a distribution of u in (0, 1), of the event's shape and conditioned on the event, which is trained
            along and returned as `dequantizer`. The density is then that of x with noise.
        augment: a random change of an event before each use for training, (key, event) -> event, such as
            `pushforward.train.RandomFlip()` or `RandomShift(pixels)`; functions of one module compare equal.
        drop_condition: probability with which the condition of a row is replaced by zeros in training, from 0 to below
            1: what `pushforward.adapt.guide` needs.
        average: decay of an exponential moving average of the parameters, such as 0.999, of which the validation
            loss is taken and the result is made; None for the parameters themselves.

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
    is_image = len(flow.shape) > 1
    if batch_size is None:
        batch_size = IMAGE_BATCH_SIZE if is_image else BATCH_SIZE
    for name, value in {"batch_size": batch_size, "patience": patience}.items():
        require_count(name, value)
    if max_epochs is not None:
        require_count("max_epochs", max_epochs)
    require_count("max_skipped", max_skipped, 0)
    require(0 <= drop_condition < 1, "drop_condition", "from 0 to below 1", drop_condition)
    if drop_condition and flow.cond_shape is None:
        raise bad("drop_condition", "0 for an unconditional flow", drop_condition)
    require(average is None or 0 < average < 1, "average", "None or a decay between 0 and 1", average)
    table, used = check_table(flow, x, condition, weights)
    check_noise(table, flow.shape, noise)
    noisy = NoisyLikelihood(_of_numbers(noise), augment, float(drop_condition))
    is_plain = noise is None and noisy == NoisyLikelihood(None)
    if not is_plain and table.x.dtype == np.uint8:
        table = replace(table, as_bytes=True)
    words = np.asarray(jax.random.key_data(key))
    train, val = split_rows(used, val_fraction, words)
    of_x, of_condition = _moments(table, train)
    if noise is None:
        check_columns(table, train, of_x, flow.shape)
    if of_condition is not None:
        warn_constant_conditions(of_condition, flow.cond_shape or ())

    peak = (IMAGE_LEARNING_RATE if is_image else LEARNING_RATE) if learning_rate is None else learning_rate
    per_epoch = math.ceil(len(train) / batch_size)
    if max_epochs is None:
        max_epochs = min(max(math.ceil(STEPS / per_epoch), MIN_EPOCHS), MAX_EPOCHS)
    if optimizer is not None:
        optimizer, schedule = clipped(optimizer, clip_norm), optax.constant_schedule(1.0)
    else:
        schedule = peak if callable(peak) else default_schedule(peak, max_epochs * per_epoch)
        optimizer = adam(clip_norm)
    least = IMAGE_SHARE if is_image else CPU_SHARE if jax.default_backend() == "cpu" else SHARE
    devices = sharing(math.ceil(len(train) / per_epoch), least, flow, noise)
    bits = math.prod(flow.shape) if is_image and not is_plain else None
    settings = Settings(optimizer, tabulate(schedule), max_epochs, patience, max_skipped, devices, average, bits)
    store = None
    if checkpoint is not None:
        given = {
            "batch_size": batch_size,
            "max_epochs": max_epochs,
            "patience": patience,
            "val_fraction": val_fraction,
            "clip_norm": clip_norm,
            "max_skipped": max_skipped,
            "noise": noise if noisy.noise is not None else tree_digest(noise),
            "augment": tree_digest(augment),
            "drop_condition": drop_condition,
            "average": average,
        }
        rates = settings.rates(0, 1000) if callable(peak) else np.asarray(peak)
        store = Checkpoint(checkpoint, fingerprint(table, words, flow, given, optimizer, rates))
    with progress_bar(max_epochs, progress) as bar:
        try:
            flow = _first(flow, noise, noisy, table, train, of_x, of_condition, words)
            model = WithDequantizer(flow, noise) if isinstance(noise, AbstractDistribution) else flow
            losses = row_losses if is_plain else partial(noisy_row_losses, noisy)
            evaluate = _evaluator(table, train, len(val), not is_plain, losses)
            if store is None or store.is_empty:
                _check_support(model, table, evaluate(model, used), used, noisy)
            objective = Objective(
                negative_log_likelihood if is_plain else noisy,
                shuffled(table, train, batch_size, words, devices),
                _validation(table, val, evaluate) if len(val) else None,
                partial(_explain, noisy),
            )
            try:
                result = minimize(key, model, objective, settings, bar=bar, checkpoint=store, started=started)
            except NonFiniteError as error:
                error.result = _apart(error.result)
                raise
            return _apart(result)
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


def _of_numbers(noise: Noise) -> str | float | None:
    """Return what of the noise needs no model."""
    return float(noise) if isinstance(noise, float | int) else noise if isinstance(noise, str) else None


def _first(
    flow: Flow,
    noise: Noise,
    noisy: NoisyLikelihood,
    table: Rows,
    train: np.ndarray,
    of_x: Moments,
    of_condition: Moments | None,
    words: np.ndarray,
) -> Flow:
    """Return the flow with what is set by the data before any training: locations and scales."""
    rng = np.random.default_rng([2, *words.ravel().tolist()])
    if noise is not None:
        # Of events with noise, uniform where it is to be learned: the rows that fit into memory with it.
        rows = rng.permutation(train)[: max(SAMPLE, NOISY_ELEMENTS // max(1, math.prod(flow.shape)))]
        batch = table.batches(np.sort(rows), 1.0)
        first = noisy if noisy.noise is not None else NoisyLikelihood("uniform")
        x = np.asarray(first.moved(flow, as_float(jnp.asarray(batch["x"])), jax.random.key(0))[0])
        weights = None if table.weights is None else table.weights[np.sort(rows)]
        table, train = Rows(x, batch["condition"], weights), np.arange(len(x))
        of_x, of_condition = _moments(table, train)
    return set_from_rows(flow, RowsData(table, train, rng.permutation(train)[:SAMPLE], (of_x, of_condition)))


def _apart(result: FitResult) -> FitResult:
    """Return the flow and what was trained with it apart."""
    model = result.flow
    if isinstance(model, WithDequantizer):
        return replace(result, flow=model.flow, dequantizer=model.dequantizer)
    return result


def _explain(noisy: NoisyLikelihood, model: Any, batch: dict[str, Any], rows: np.ndarray) -> str:
    """Return what `explain` says of a batch with noise."""
    x = as_float(jnp.asarray(batch["x"]))
    flow = model.flow if isinstance(model, WithDequantizer) else model
    return explain(flow, {**batch, "x": noisy.moved(model, x, jax.random.key(0))[0]}, rows)


def _evaluator(
    table: Rows, train: np.ndarray, num_val: int, with_noise: bool, row_losses: Callable[..., Any]
) -> Callable[[Any, np.ndarray], np.ndarray]:
    """Return a function (flow, rows) -> -log p of each row, which compiles one shape whatever the rows.

    Arguments:
        table, train: the data, and which rows are for training.
        num_val: number of the others.
        with_noise: whether the losses need keys, the same at every call.
        row_losses: (flow, batches, keys, if they need them) -> losses.
    """
    elements = max(1, math.prod(table.x.shape[1:]))
    size = min(EVALUATION_ROWS, max(16, EVALUATION_ELEMENTS // elements), len(train) + num_val)
    wanted = max(math.ceil(num_val / size), min(EVALUATION_LINES, math.ceil(len(train) / size)))
    lines = max(1, min(wanted, _rows.CHUNK_BYTES // (size * table.bytes_per_row())))

    def evaluate(flow: Any, rows: np.ndarray) -> np.ndarray:
        losses = []
        for start in range(0, len(rows), lines * size):
            part = rows[start : start + lines * size]
            padded = np.concatenate([part, np.repeat(part[:1], lines * size - len(part))])
            batches = table.batches(padded.reshape((lines, size)), 1.0)
            keys = () if not with_noise else (jax.random.split(jax.random.key(start), lines),)
            losses.append(np.asarray(row_losses(flow, batches, *keys), np.float64).ravel()[: len(part)])
        return np.concatenate(losses)

    return evaluate


def _validation(
    table: Rows, val: np.ndarray, evaluate: Callable[[Any, np.ndarray], np.ndarray]
) -> Callable[[Any], float]:
    weights = np.ones(len(val)) if table.weights is None else table.weights[val]
    return lambda flow: float(np.average(evaluate(flow, val), weights=weights / weights.max()))


def _check_support(model: Any, table: Rows, losses: np.ndarray, used: np.ndarray, noisy: NoisyLikelihood) -> None:
    """Check that every row has a density before any training."""
    outside = used[~np.isfinite(losses)]
    if outside.size:
        shown = ", ".join(map(str, outside[:5]))
        cause = _explain(noisy, model, table.batches(outside[:EVALUATION_ROWS], 1.0), outside[:EVALUATION_ROWS])
        raise bad(
            "x",
            "inside the support of `flow`",
            f"`{outside.size} of {len(used)} rows without a finite log-density`, first row {shown}",
            f"{cause} Drop these rows, or build the flow on a support that holds them.",
        )
