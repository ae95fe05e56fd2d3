"""Learn the distribution of a simulator's parameters from observations."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._errors import bad, require, require_count, require_key
from .._types import ArrayLike, Key
from ..distributions._base import AbstractDistribution
from ..distributions.normal import StandardNormal
from ..parallel.mesh import sharing
from .loop.checkpoint import Checkpoint
from .loop.fingerprint import fingerprint
from .loop.minimize import Objective, Settings, minimize
from .loop.progress import progress_bar
from .loop.result import FitResult, Flow, NonFiniteError
from .loop.schedule import Schedule, check_settings, default_schedule, tabulate
from .loop.steps import adam, clipped
from .objectives.source.log_marginal import (
    AbstractLogMarginal,
    LogMeanExp,
    NegativeLogMarginal,
    Simulated,
    log_marginals,
)
from .rows.checks import check_table
from .rows.rows import Rows, shuffled, split_rows

LEARNING_RATE = 2e-3
#: Steps that a fit of default length takes, within these bounds on the number of epochs.
STEPS, MIN_EPOCHS, MAX_EPOCHS = 1000, 3, 200
#: Rows of a batch that a device receives at least, on CPU and elsewhere: each is compared with many draws.
CPU_SHARE, SHARE = 16, 128
#: Rows of a line of an evaluation, and how many rows are looked at before anything is fitted.
EVALUATION_ROWS, LOOKED_AT = 128, 512
#: The most draws that judge a source, of itself and of a proposal.
JUDGED, JUDGED_PROPOSED = 1024, 128
#: The most rows that are kept for validation: each is compared with as many draws.
MOST_VALIDATED = 512
#: What is folded into the key for the draws that validate, and for those of the first look.
VALIDATION, LOOK = 2**31, 2**31 + 1


def fit_source(
    key: Key,
    source: Flow,
    surrogate: AbstractDistribution | Callable[[Any, Any], Any],
    x: ArrayLike,
    *,
    proposal: AbstractDistribution | None = None,
    estimator: AbstractLogMarginal | None = None,
    learning_rate: float | int | Schedule | None = None,
    batch_size: int = 64,
    max_epochs: int | None = None,
    patience: int = 20,
    val_fraction: float | int = 0.1,
    optimizer: optax.GradientTransformation | None = None,
    clip_norm: float | int | None = 1.0,
    max_skipped: int = 20,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> FitResult[Flow]:
    """Learn from observations the distribution of the parameters that made them, which nobody observed.

        maximize Σ_i log p(x_i),   p(x) = ∫ p(x | theta) p(theta) dtheta   over the source p(theta)

    Also called empirical Bayes, deconvolution or unfolding. The likelihood p(x | theta) is that of a surrogate, a
    conditional flow fitted to simulations, or a function; it stays as it is. Several sources can explain the same
    observations; of those, which one is found depends on the start. Begin with a source fitted to the parameters of the
    simulations: where nothing was simulated the surrogate knows nothing. The posterior of one observation is then that
    of the learned source as the prior, see `pushforward.evaluate.importance`.

    Arguments:
        key: random key: decides the validation rows, the order of the others, and the draws.
        source: p(theta), the flow to begin from, unconditional; it is not changed.
        surrogate: p(x | theta), a distribution conditioned on `source.shape`, such as a flow fitted by
            `pushforward.fit`; or a function (x, theta) -> log p(x | theta) of one of each, made of JAX operations, up
            to a term that depends on x alone. It is not differentiated.
        x: the observations, shape (rows, *event shape).
        proposal: q(theta | x), a distribution conditioned on the events, such as a neural posterior estimate: draws of
            it are weighted instead of draws of the source. Where an event says much about its parameters, few draws of
            the source explain it, and a proposal makes as much of ten draws as there is in thousands without.
        estimator: of log p(x): `pf.train.LogMeanExp` or `pf.train.Debiased`; `LogMeanExp(512)` if None, with a proposal
            `LogMeanExp(32)`.
        learning_rate: a number, the peak of a warm-up and a cosine decay over `max_epochs` (2e-3 if None), or
            a schedule, a function of the step. None with an `optimizer`, which has its own.
        batch_size: the most rows of one step.
        max_epochs: the most passes over the rows; None: about 1000 steps, at least 3 passes and at most 200.
        patience: stop after so many epochs without a better validation loss.
        val_fraction: share of the rows kept for validation, from 0 (nothing stops the fit early) to below 1, but 512
            rows at most.
        optimizer: any optax optimizer, in place of Adam.
        clip_norm: largest global norm of a gradient, beyond which it is scaled down; None for no limit.
        max_skipped: the most steps in a row that may be skipped because the loss or gradient is not finite.
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        checkpoint: a directory that receives the state after each epoch. The same call again goes on from
            there and ends as an uninterrupted one would have, bit for bit; a finished one returns at once.

    Returns:
        `history` holds estimates of the mean of -log p(x), in nats; "val" by `LogMeanExp` with the same draws in each
        epoch, as many as `estimator` makes at most.

    Raises:
        ValueError: if an argument is not as stated; if the likelihood is NaN or +inf, or zero at all draws of the
            start; if `checkpoint` is of another fit.
        NonFiniteError: if more than `max_skipped` steps in a row are not finite.

    Reference:
        "Neural Empirical Bayes: Source Distribution Estimation and its Applications to Simulation-Based Inference",
        Vandegar, Kagan, Wehenkel, Louppe, 2021.
    """
    started = time.monotonic()
    require_key(key)
    table, used = _checked(source, surrogate, proposal, x)
    check_settings(learning_rate, optimizer, clip_norm)
    require(0 <= val_fraction < 1, "val_fraction", "from 0 to below 1", val_fraction)
    for name, value in {"batch_size": batch_size, "patience": patience}.items():
        require_count(name, value)
    if max_epochs is not None:
        require_count("max_epochs", max_epochs)
    require_count("max_skipped", max_skipped, 0)
    if estimator is None:
        estimator = LogMeanExp() if proposal is None else LogMeanExp(32)
    if not isinstance(estimator, AbstractLogMarginal):
        raise bad("estimator", "an estimator of pf.train, such as pf.train.LogMeanExp()", estimator)
    words = np.asarray(jax.random.key_data(key))
    train, val = split_rows(used, min(val_fraction, MOST_VALIDATED / len(used)), words)

    peak = LEARNING_RATE if learning_rate is None else learning_rate
    per_epoch = math.ceil(len(train) / batch_size)
    if max_epochs is None:
        max_epochs = min(max(math.ceil(STEPS / per_epoch), MIN_EPOCHS), MAX_EPOCHS)
    if optimizer is not None:
        optimizer, schedule = clipped(optimizer, clip_norm), optax.constant_schedule(1.0)
    else:
        schedule = peak if callable(peak) else default_schedule(peak, max_epochs * per_epoch)
        optimizer = adam(clip_norm)
    model = Simulated(source, surrogate, proposal)
    least = CPU_SHARE if jax.default_backend() == "cpu" else SHARE
    devices = sharing(math.ceil(len(train) / per_epoch), least, model)
    settings = Settings(optimizer, tabulate(schedule), max_epochs, patience, max_skipped, devices)
    judge = LogMeanExp(min(estimator.most_draws, JUDGED if proposal is None else JUDGED_PROPOSED))
    seen = _look(model, table, train, judge, jax.random.fold_in(key, LOOK))
    store = None
    if checkpoint is not None:
        given = {
            # Of a likelihood that is a function, values are all there is to compare.
            "surrogate": seen[:8].tolist(),
            "estimator": estimator,
            "batch_size": batch_size,
            "max_epochs": max_epochs,
            "patience": patience,
            "val_fraction": val_fraction,
            "clip_norm": clip_norm,
            "max_skipped": max_skipped,
        }
        rates = settings.rates(0, 1000) if callable(peak) else np.asarray(peak)
        store = Checkpoint(checkpoint, fingerprint(table, words, (source, proposal), given, optimizer, rates))
    with progress_bar(max_epochs, progress) as bar:
        try:
            objective = Objective(
                NegativeLogMarginal(estimator),
                shuffled(table, train, batch_size, words, devices),
                _validation(table, val, judge, jax.random.fold_in(key, VALIDATION)) if len(val) else None,
                _explain,
            )
            result = minimize(key, model, objective, settings, bar=bar, checkpoint=store, started=started)
            return _of_source(result)
        except NonFiniteError as error:
            error.result = _of_source(error.result)
            raise
        except KeyboardInterrupt as interrupt:
            if store is not None and not store.is_empty:
                interrupt.add_note(f"The fit is kept in {checkpoint}; the same call goes on from there.")
            raise
        finally:
            if store is not None:
                store.close()


def _checked(source: Any, surrogate: Any, proposal: Any, x: ArrayLike) -> tuple[Rows, np.ndarray]:
    """Return the observations as a table, and the indices of its rows."""
    if not isinstance(source, AbstractDistribution):
        raise bad("source", "a distribution, such as pf.flows.nsf(key, dim)", f"`{type(source).__name__}`")
    if source.cond_shape is not None:
        raise bad("source", "unconditional", f"`a flow conditioned on shape {source.cond_shape}`")
    shape = np.shape(x)[1:]
    if isinstance(surrogate, AbstractDistribution):
        rule = f"conditioned on theta, of the shape of the source, {source.shape}"
        require(surrogate.cond_shape == source.shape, "surrogate", rule, f"`cond_shape {surrogate.cond_shape}`")
        shape = surrogate.shape
    else:
        require(callable(surrogate), "surrogate", "a conditional distribution or a function of x and theta", surrogate)
    # Of the events only the shape counts here.
    table, used = check_table(StandardNormal(shape), x, None, None)
    if proposal is not None:
        if not isinstance(proposal, AbstractDistribution):
            raise bad("proposal", "a distribution of theta conditioned on x", f"`{type(proposal).__name__}`")
        shapes = (proposal.shape, proposal.cond_shape)
        rule = f"of shape {source.shape}, conditioned on events of shape {shape}"
        require(shapes == (source.shape, shape), "proposal", rule, f"`shape {shapes[0]}, cond_shape {shapes[1]}`")
    return table, used


def _look(model: Simulated, table: Rows, rows: np.ndarray, judge: LogMeanExp, key: Key) -> np.ndarray:
    """Return log p(x) of some rows at the start.

    Raises:
        ValueError: if it is not finite.
    """
    rows = rows[:LOOKED_AT]
    found = _evaluate(model, table, rows, judge, key)
    wrong = np.isnan(found) | np.isposinf(found)
    if wrong.any():
        value = f"`{found[wrong][0]}` at row {rows[wrong][0]} of `x`, and at {wrong.sum()} of {len(rows)} rows"
        raise bad("surrogate", "a log-likelihood, finite or -inf", value)
    zero = np.isneginf(found)
    if zero.any():
        rule = f"explained by the source to begin from, of which {judge.draws} draws were tried"
        value = f"`{zero.sum()} of {len(rows)} rows of likelihood zero`, first row {rows[zero][0]}"
        remedy = "Drop these rows, or begin with a wider source."
        raise bad("x", rule, value, remedy)
    return found


def _evaluate(model: Simulated, table: Rows, rows: np.ndarray, judge: LogMeanExp, key: Key) -> np.ndarray:
    size = min(EVALUATION_ROWS, len(rows))
    lines = math.ceil(len(rows) / size)
    padded = np.concatenate([rows, np.repeat(rows[:1], lines * size - len(rows))])
    batches = table.batches(padded.reshape((lines, size)), 1.0)
    return np.asarray(log_marginals(model, batches, key, judge), np.float64).ravel()[: len(rows)]


def _of_source(result: FitResult[Any]) -> FitResult[Any]:
    return replace(result, flow=result.flow.source)


def _validation(table: Rows, val: np.ndarray, judge: LogMeanExp, key: Key) -> Callable[[Simulated], float]:
    return lambda model: -float(np.mean(_evaluate(model, table, val, judge, key)))


def _explain(model: Simulated, batch: dict[str, Any], rows: np.ndarray) -> str:
    """Return a sentence on what is not finite in a batch that was skipped."""
    theta = np.asarray(model.source.sample(jax.random.key(0), LOOKED_AT))
    wrong = ~np.isfinite(theta).reshape((LOOKED_AT, -1)).all(axis=1)
    if wrong.any():
        return f"{wrong.sum()} of {LOOKED_AT} draws of the source are not finite: it diverged."
    log_w = np.asarray(eqx.filter_jit(Simulated.log_weights)(model, jnp.asarray(batch["x"]), jax.random.key(0), JUDGED))
    wrong = (np.isnan(log_w) | np.isposinf(log_w)).any(axis=1) & (rows >= 0)
    if wrong.any():
        return f"The log-likelihood is NaN or +inf at draws of the source, in row {rows[wrong][0]} of `x`."
    zero = np.isneginf(log_w).all(axis=1) & (rows >= 0)
    if zero.any():
        where = f"in {zero.sum()} rows of `x`, first {rows[zero][0]}"
        return f"The likelihood is zero at all {JUDGED} draws of the source {where}."
    return "Values of the log-likelihood are finite: it is the density of the source, or its gradient, that is not."
