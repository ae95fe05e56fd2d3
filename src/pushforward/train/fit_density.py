"""Fit a flow to a density that is known up to a constant."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._errors import bad, require, require_count, require_key
from .._types import Key, Scalar
from ..distributions._base import AbstractDistribution
from ..distributions.pushforward import Pushforward
from ..parallel.compile import compiled
from ..parallel.mesh import sharing
from .loop.checkpoint import Checkpoint
from .loop.fingerprint import fingerprint_density
from .loop.minimize import Objective, Settings, minimize
from .loop.progress import progress_bar
from .loop.result import FitResult
from .loop.schedule import Schedule, check_settings, default_schedule, tabulate
from .loop.steps import adam, clipped
from .objectives.density._base import AbstractDensityObjective, AbstractReplayObjective, Target
from .objectives.density.reverse_kl import ReverseKL
from .objectives.density.target import (
    LogDensity,
    check_end,
    check_start,
    checked_log_density,
    evaluate_batch,
    explain_target,
)
from .rows.rows import Chunk
from .start.locate import locate
from .start.tail import split_tail, through

LEARNING_RATE = 2e-3
#: Draws of a batch that a device receives at least, on CPU and elsewhere.
CPU_SHARE, SHARE = 128, 4096
#: What is folded into the key for draws besides those of the steps, whose numbers are smaller.
LOOK = 2**31
#: Power of the density at which annealing starts.
COLDEST = 0.01


def fit_density(
    key: Key,
    flow: Pushforward,
    log_density: Callable[[Any], Any],
    *,
    objective: AbstractDensityObjective | None = None,
    steps: int = 2000,
    batch_size: int = 512,
    learning_rate: float | int | Schedule | None = None,
    annealing: float | int = 0.0,
    optimizer: optax.GradientTransformation | None = None,
    clip_norm: float | int | None = 5.0,
    max_skipped: int = 20,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> FitResult[Pushforward]:
    """Fit a flow q to a density p of which only log p(x) + constant is known, and return it with the record of the fit.

        minimize KL(q | p) = E_q[log q(x) - log p(x)],   or another `objective`

    Location, scale and correlations that the flow carries (`Standardize`, `Whiten`, as the flows of
    `pushforward.flows` do) are set first, to the modes of the density and the curvature there, where that has not been
    done. A flow that ends with a support (`pf.adapt.constrain`) is fitted in the unconstrained space in front of it.
    Coupling flows (`pf.flows.nsf(..., wiring="coupling")`, `real_nvp`) draw fastest and suit this best. Nothing here
    tells whether the fit is good: ask `pf.evaluate.importance`.

    Arguments:
        key: random key: decides the starts of the search for modes, and the draws.
        flow: the flow to begin from, unconditional; it is not changed.
        log_density: log p of one event, an array of `flow.shape`, as a number, up to a constant; made of JAX
            operations. -inf stands for zero. A result of another precision is cast to that of the flow.
        objective: of `pf.train`: `ReverseKL` (None), `ForwardKL`, `AlphaDivergence`, `FAB` for densities of many modes.
        steps: of the optimizer.
        batch_size: draws per step; large ones are accumulated in pieces of bounded memory.
        learning_rate: a number, the peak of a warm-up and a cosine decay over `steps` (2e-3 if None), or a schedule,
            a function of the step. None with an `optimizer`, which has its own.
        annealing: the share of the steps, from 0 to 1, in which p^b takes the place of p, b rising from 0.01 to 1: a
            flatter density, of which modes far apart are found.
        optimizer: any optax optimizer, in place of Adam.
        clip_norm: largest global norm of a gradient, beyond which it is scaled down; None for no limit.
        max_skipped: the most steps in a row that may be skipped because the loss or gradient is not finite.
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        checkpoint: a directory that receives the state after every 50 steps (`FAB`: 10). The same call again goes on
            from there and ends as an uninterrupted one would have, bit for bit; a finished one returns at once.

    Returns:
        `history["train"]` is the mean loss of the steps of each epoch, in nats; of the reverse KL that is the negative
        evidence lower bound, KL(q | p) - log Z.

    Raises:
        ValueError: if an argument is not as stated; if the log-density is NaN or +inf, or zero where the flow has
            mass, at draws of the start; if it is finite nowhere; if `checkpoint` is of another fit.
        NonFiniteError: if more than `max_skipped` steps in a row are not finite, or the log-density is NaN or +inf at
            draws of the fitted flow. It says what is not finite and where, and carries the best finite parameters.

    Reference:
        "Variational Inference with Normalizing Flows", Rezende, Mohamed, 2015; "Disentangling impact of capacity,
        objective, batchsize, estimators, and step-size on flow VI", Agrawal, Domke, 2024.
    """
    started = time.monotonic()
    require_key(key)
    if not isinstance(flow, Pushforward):
        raise bad("flow", "a Pushforward, such as pf.flows.nsf(key, dim)", f"`{type(flow).__name__}`")
    if flow.cond_shape is not None:
        raise bad("flow", "unconditional", f"`a flow conditioned on shape {flow.cond_shape}`")
    objective = ReverseKL() if objective is None else objective
    if not isinstance(objective, AbstractDensityObjective):
        raise bad("objective", "an objective of pf.train, such as pf.train.ReverseKL()", objective)
    check_settings(learning_rate, optimizer, clip_norm)
    for name, value in {"steps": steps, "batch_size": batch_size}.items():
        require_count(name, value)
    require_count("max_skipped", max_skipped, 0)
    require(0 <= annealing <= 1, "annealing", "from 0 to 1", annealing)
    dtype = _dtype(flow)
    log_density = checked_log_density(log_density, flow.shape, dtype)
    words = np.asarray(jax.random.key_data(key))

    peak = LEARNING_RATE if learning_rate is None else learning_rate
    if optimizer is not None:
        optimizer, schedule = clipped(optimizer, clip_norm), optax.constant_schedule(1.0)
    else:
        schedule = peak if callable(peak) else default_schedule(peak, steps)
        optimizer = adam(clip_norm)
    least = CPU_SHARE if jax.default_backend() == "cpu" else SHARE
    devices = sharing(batch_size, least, flow) if objective.shared else 1
    settings = Settings(optimizer, tabulate(schedule), math.ceil(steps / objective.epoch), steps, max_skipped, devices)
    store = None
    if checkpoint is not None:
        given = {
            "objective": objective,
            "steps": steps,
            "batch_size": batch_size,
            "annealing": annealing,
            "clip_norm": clip_norm,
            "max_skipped": max_skipped,
        }
        rates = settings.rates(0, 1000) if callable(peak) else np.asarray(peak)
        store = Checkpoint(checkpoint, fingerprint_density(log_density, words, flow, given, optimizer, rates))
    with progress_bar(settings.max_epochs, progress) as bar:
        try:
            flow = locate(log_density, flow, words.ravel().tolist())
            # Not those of the steps, which the loop derives from `key` itself.
            look, renewing = jax.random.split(jax.random.fold_in(key, LOOK))
            check_start(flow, log_density, look, zeros=objective.zeros)
            chunks = _epochs(objective, steps, batch_size, annealing, devices, dtype, words)
            minimized = Objective(
                _Loss(objective, log_density),
                chunks,
                None,
                lambda flow, batch, rows: explain_target(flow, log_density, look),
            )
            if isinstance(objective, AbstractReplayObjective):
                minimized = replace(
                    minimized,
                    memory=objective.start(flow.shape, dtype),
                    renew=_renewal(objective, log_density, renewing),
                )
            result = minimize(key, flow, minimized, settings, bar=bar, checkpoint=store, started=started)
            check_end(result, log_density, look, steps)
            return result
        except KeyboardInterrupt as interrupt:
            if store is not None and not store.is_empty:
                interrupt.add_note(f"The fit is kept in {checkpoint}; the same call goes on from there.")
            raise
        finally:
            if store is not None:
                store.close()


@final
@dataclass(frozen=True)
class _Loss:
    """The loss of a batch. Equal for equal fits, so that a second one need not compile again."""

    objective: AbstractDensityObjective
    log_density: LogDensity

    def __call__(self, flow: Pushforward, batch: dict[str, Any], key: Key) -> Scalar:
        core, target = _pulled_back(flow, self.log_density)
        # One number for the batch, in as many copies as there are rows for each device to have its part.
        power = batch["power"][0]
        return self.objective.loss(core, lambda events: power * target(events), batch, key)


def _pulled_back(flow: Pushforward, log_density: LogDensity) -> tuple[Pushforward, Target]:
    """Return the part of a flow that is trained, and the log-density as seen from there."""
    core, tail = split_tail(flow)

    def of_event(event: Any) -> Any:
        x, log_det = through(tail, event)
        return log_density(x).astype(event.dtype) + log_det

    return core, lambda events: evaluate_batch(of_event, events)


def _renewal(objective: AbstractReplayObjective, log_density: LogDensity, key: Key) -> Callable[[int, Any, Any], Any]:
    @compiled
    def renew(flow: Pushforward, memory: Any, key: Key) -> Any:
        core, target = _pulled_back(flow, log_density)
        return objective.renew(core, target, memory, key)

    return lambda epoch, flow, memory: renew(flow, memory, jax.random.fold_in(key, epoch))


def _epochs(
    objective: AbstractDensityObjective,
    steps: int,
    batch_size: int,
    annealing: float | int,
    devices: int,
    dtype: Any,
    words: np.ndarray,
) -> Callable[[int, Any], Iterator[Chunk]]:
    rows = math.ceil(batch_size / devices) * devices
    weight = np.where(np.arange(rows) < batch_size, 1 / batch_size, 0.0).astype(dtype)

    def epoch(number: int, memory: Any) -> Iterator[Chunk]:
        first = number * objective.epoch
        numbers = np.arange(first, min(first + objective.epoch, steps))
        # Without annealing the power is 1 from the first step on.
        power = np.minimum(1.0, COLDEST + numbers / (annealing * steps)) if annealing else np.ones(len(numbers))
        shape = (len(numbers), rows)
        batches = {
            "weight": np.broadcast_to(weight, shape),
            "power": np.broadcast_to(power[:, None].astype(dtype), shape),
        }
        if isinstance(objective, AbstractReplayObjective):
            batches |= objective.draw(memory, np.random.default_rng([2, number, *words.ravel().tolist()]), shape)
        yield Chunk(batches, np.zeros(shape, np.int64))

    return epoch


def _dtype(flow: AbstractDistribution) -> Any:
    dtypes = [leaf.dtype for leaf in jax.tree.leaves(flow) if eqx.is_inexact_array(leaf)]
    return jnp.result_type(*dtypes) if dtypes else jnp.result_type(float)
