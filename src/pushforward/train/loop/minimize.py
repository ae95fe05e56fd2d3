"""The one training loop. It knows an objective only as loss(flow, batch, key) -> scalar."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import equinox as eqx
import jax
import numpy as np
import optax
from jaxtyping import Array, PyTree
from tqdm import tqdm

from ..._fields import trainable
from ..._types import Key
from ...numerics.keys import fold_in
from ...parallel.mesh import AXIS, Spec, gather, place
from ..rows.rows import Chunk
from .checkpoint import Checkpoint
from .progress import show_epoch
from .result import FitResult, Model, NonFiniteError, Record
from .steps import Loss, State, StepInputs, copy_arrays, start_state, take_steps


@final
@dataclass(frozen=True)
class Problem:
    """The loss that the loop minimizes, and the batches.

    Attributes:
        loss: the loss of a batch, a sum over its parts, of which each device computes one. A module-level function, so
            that a second fit of the same structure need not compile again.
        chunks: (epoch, memory) -> the epoch's batches, stacked along their first axis, in pieces that fit the device.
        validate: (model) -> the validation loss; None: the fit does not stop early, and the last parameters are best.
        explain: (model, batch, rows) -> a sentence that names the non-finite values of a skipped batch.
        memory: arrays that the objective carries from epoch to epoch, None for none; checkpoints hold them.
        renew: (epoch, model, memory) -> the memory for an epoch, called before the epoch.
    """

    loss: Loss
    chunks: Callable[[int, Any], Iterable[Chunk]]
    validate: Callable[[Any], float] | None
    explain: Callable[[Any, Any, np.ndarray], str]
    memory: PyTree = None
    renew: Callable[[int, Any, Any], Any] | None = None


@final
@dataclass(frozen=True)
class Settings:
    """How the loop minimizes.

    Attributes:
        optimizer: its updates are multiplied by the learning rate of the step.
        rates: (first step, number of steps) -> learning rates.
        max_epochs: the most epochs.
        patience: number of epochs without a better validation loss after which the loop stops.
        max_skipped: the most non-finite steps in a row that are skipped.
        devices: number of devices that share a batch; divides its number of rows.
        average: decay of the moving average of the parameters, which is the result; None for no average.
        bits: number of dimensions of an event, if the progress bar is to show losses in bits per dimension.
        members: number of models trained side by side, whose arrays are stacked; None for one model.
    """

    optimizer: optax.GradientTransformation
    rates: Callable[[int, int], np.ndarray]
    max_epochs: int
    patience: int
    max_skipped: int
    devices: int = 1
    average: float | None = None
    bits: int | None = None
    members: int | None = None

    def decays(self, first: int, count: int) -> np.ndarray | None:
        """Return the decay of the moving average at some steps: smaller at first, while the parameters change much."""
        steps = np.arange(first, first + count, dtype=np.float32)
        return None if self.average is None else np.minimum((1 + steps) / (10 + steps), np.float32(self.average))


class _HaltedError(Exception):
    """Too many steps in a row were skipped; the last one counted was batch `place` of `chunk`."""

    def __init__(self, state: State, chunk: Chunk, place: int, skipped: int):
        self.args = (state, chunk, place, skipped)
        self.state, self.chunk, self.place, self.skipped = state, chunk, place, skipped


def minimize(
    key: Key,
    model: Model,
    problem: Problem,
    settings: Settings,
    *,
    bar: tqdm,
    checkpoint: Checkpoint | None = None,
    started: float,
) -> FitResult[Model]:
    """Minimize an objective over the trainable arrays of a model.

    Arguments:
        key: random key; each step derives its own.
        model: the initial model.
        problem: what to minimize.
        settings: how to minimize it.
        bar: shows the epochs.
        checkpoint: keeps the state after each epoch; the loop resumes from the newest.
        started: `time.monotonic()` at the beginning.

    Raises:
        NonFiniteError: if too many steps in a row are non-finite, or the validation loss is non-finite in all epochs.
    """
    devices = settings.devices
    params, frozen = eqx.partition(model, trainable(model))
    state = start_state(params, settings.optimizer, settings.average is not None, settings.members)
    best = copy_arrays(params)
    record = Record({"train": []} if problem.validate is None else {"train": [], "val": []})
    memory = problem.memory
    restored = None if checkpoint is None else checkpoint.restore((state, best, memory))
    if restored is not None:
        (state, best, memory), saved = restored
        record = Record(**saved)
        started -= record.seconds
        show_epoch(bar, record.history, record.best_epoch, record.epochs, settings.bits)
    elif problem.validate is not None:
        loss = problem.validate(model)
        record = replace(record, start_loss=loss if math.isfinite(loss) else math.inf)
    state, everywhere = place(state, devices, Spec()), place(eqx.filter(frozen, eqx.is_array), devices, Spec())
    everywhere = eqx.combine(everywhere, frozen)
    while not record.finished(settings.max_epochs, settings.patience):
        if problem.renew is not None:
            memory = problem.renew(record.epochs, eqx.combine(gather(state.result, devices), frozen), memory)
        chunks = problem.chunks(record.epochs, memory)
        try:
            state, losses, skipped = run_epoch(key, state, everywhere, problem.loss, chunks, settings, record.steps)
        except _HaltedError as halt:
            params = gather(halt.state.params, devices)
            if problem.validate is None:
                best = params
            failed = eqx.combine(params, frozen)
            batch = jax.tree.map(lambda a: a[halt.place], halt.chunk.batches)
            cause = problem.explain(failed, batch, halt.chunk.rows[halt.place])
            record = replace(record, skipped=record.skipped + halt.skipped)
            raise NonFiniteError(
                f"The fit stopped in epoch {record.epochs + 1}: the loss or its gradient was not finite in "
                f"{settings.max_skipped + 1} steps in a row. {cause} The best finite parameters are in "
                "`.result` of this error. A smaller `learning_rate` or `clip_norm` may help.",
                record.result(eqx.combine(best, frozen)),
            ) from None
        history = {"train": [*record.history["train"], float(np.mean(losses)) if losses.size else math.nan]}
        improved = True
        params = gather(state.result, devices)
        if problem.validate is not None:
            value = problem.validate(eqx.combine(params, frozen))
            history["val"] = [*record.history["val"], value]
            improved = value < record.best_loss
        if improved:
            best = copy_arrays(params)
        record = Record(
            history,
            record.start_loss,
            best_epoch=record.epochs if improved else record.best_epoch,
            steps=record.steps + skipped.size,
            skipped=record.skipped + int(skipped.sum()),
            seconds=time.monotonic() - started,
        )
        if checkpoint is not None:
            checkpoint.save(record.epochs, (state, best, memory), asdict(record))
        show_epoch(bar, history, record.best_epoch, 1, settings.bits)
    result = record.result(eqx.combine(best, frozen))
    if problem.validate is not None and record.best_loss == math.inf:
        raise NonFiniteError("The validation loss was not finite after any epoch.", result)
    return result


def run_epoch(
    key: Key, state: State, frozen: PyTree, loss: Loss, chunks: Iterable[Chunk], settings: Settings, step: int
) -> tuple[State, np.ndarray, np.ndarray]:
    """Run one epoch, from step number `step`; while the device computes a chunk the host gathers only the next.

    Returns:
        The state, the finite losses, and which steps were skipped, by any member.

    Raises:
        _HaltedError: if too many steps in a row were skipped.
    """
    losses: list[np.ndarray] = []
    skipped: list[np.ndarray] = []
    running: tuple[Chunk, Array, Array] | None = None

    def settle(chunk: Chunk, values: Array, streaks: Array) -> None:
        skips = np.asarray(streaks) > 0
        skipped.append(np.any(skips.reshape((len(chunk.rows), -1)), axis=1))
        losses.append(np.asarray(values, np.float64)[~skips])
        halted = (np.asarray(streaks) > settings.max_skipped).reshape((len(chunk.rows), -1)).any(axis=1)
        if halted.any():
            place = int(halted.argmax())
            count = sum(int(s.sum()) for s in skipped[:-1]) + int(skipped[-1][: place + 1].sum())
            raise _HaltedError(state, chunk, place, count)

    for chunk in chunks:
        count = len(chunk.rows)
        # `jnp.asarray` would compile a program for each shape.
        rates, keys = jax.device_put(settings.rates(step, count)), fold_in(key, np.arange(step, step + count))
        batches = jax.device_put(place(chunk.batches, settings.devices, Spec(None, AXIS)))
        fixed = (loss, settings.optimizer, settings.max_skipped, settings.devices, settings.members)
        decays = jax.device_put(settings.decays(step, count))
        state, values, streaks = take_steps(StepInputs(frozen, batches, rates, keys, *fixed, decays), state)
        if running is not None:
            settle(*running)
        running = (chunk, values, streaks)
        step += count
    if running is not None:
        settle(*running)
    return state, np.concatenate(losses), np.concatenate(skipped)
