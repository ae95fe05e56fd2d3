"""The one training loop. It knows an objective only as loss(flow, batch, key) -> scalar."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import Any, TypeAlias, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Int, PyTree
from tqdm import tqdm

from .._compile import compiled
from .._devices import AXIS, Spec, at_home, place, shared
from .._fields import trainable
from .._types import Key, Scalar
from .checkpoint import Checkpoint
from .progress import show_epoch
from .result import FitResult, Model, NonFiniteError, Record
from .rows import Chunk

#: (flow, batch, key) -> scalar.
Loss: TypeAlias = Callable[[Any, Any, Key], Scalar]


@final
@dataclass(frozen=True)
class Objective:
    """What the loop minimizes, and on what.

    Attributes:
        loss: the loss of a batch is the sum of those of its parts, of which each device computes one. A module-level
            function, so that a second fit of the same structure need not compile again.
        chunks: (epoch, memory) -> the epoch's batches, stacked along their first axis, in pieces that fit the device.
        validate: (flow) -> the validation loss, or None: nothing stops early, the last parameters are best.
        explain: (flow, batch, rows) -> a sentence on what is non-finite in a batch that was skipped.
        memory: arrays that the objective carries from epoch to epoch, None for none; checkpoints hold them.
        renew: (epoch, flow, memory) -> the memory for an epoch, before it.
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
        max_epochs: at most so many epochs.
        patience: stop after so many epochs without a better validation loss.
        max_skipped: stop after more than so many non-finite steps in a row.
        devices: how many share a batch, whose rows are a multiple of it.
    """

    optimizer: optax.GradientTransformation
    rates: Callable[[int, int], np.ndarray]
    max_epochs: int
    patience: int
    max_skipped: int
    devices: int = 1


@final
class State(eqx.Module):
    """What one step hands to the next, and what a checkpoint holds of the device.

    Attributes:
        params: the trained arrays of the flow.
        opt_state: the optimizer's.
        streak: number of steps skipped in a row, up to now.
    """

    params: PyTree
    opt_state: PyTree
    streak: Int[Array, ""]


@final
class Work(eqx.Module):
    """Some steps to take, one per batch.

    Attributes:
        frozen: the flow without its trained arrays.
        batches: the batches, stacked along their first axis.
        rates: learning rate of each step.
        keys: random key of each step.
        loss: see `Objective`.
        optimizer, max_skipped, devices: see `Settings`.
    """

    frozen: PyTree
    batches: Any
    rates: Array
    keys: Array
    loss: Loss = eqx.field(static=True)
    optimizer: optax.GradientTransformation = eqx.field(static=True)
    max_skipped: int = eqx.field(static=True)
    devices: int = eqx.field(static=True, default=1)


class _HaltedError(Exception):
    """Too many steps in a row were skipped; the last one counted was line `line` of `chunk`."""

    def __init__(self, state: State, chunk: Chunk, line: int, skipped: int):
        self.args = (state, chunk, line, skipped)
        self.state, self.chunk, self.line, self.skipped = state, chunk, line, skipped


def own(tree: PyTree) -> PyTree:
    """Return copies of the arrays: they can be donated; none is weakly typed, which would compile twice."""
    return jax.tree.map(lambda a: jnp.array(a, dtype=jnp.result_type(a), copy=True), tree)


@jax.jit
def _step_keys(key: Key, steps: Int[Array, " n"]) -> Array:
    return jax.vmap(jax.random.fold_in, (None, 0))(key, steps)


@final
class Tame(optax.GradientTransformation):
    """An optimizer whose updates, before the learning rate, are finite if the squares of the gradients are."""


@lru_cache
def adam(clip_norm: float | int | None) -> Tame:
    """Return Adam of unit learning rate; one object per setting, so that repeated fits share a compilation.

    Reference:
        "Adam: A Method for Stochastic Optimization", Kingma, Ba, 2015.
    """
    return Tame(*clipped(optax.adam(1.0), clip_norm))


def clipped(optimizer: optax.GradientTransformation, clip_norm: float | int | None) -> optax.GradientTransformation:
    """Return `optimizer` behind a clip of the gradient's global norm."""
    if clip_norm is None:
        return optimizer

    def clip(grads: PyTree, _: PyTree) -> PyTree:
        factor = clip_norm / jnp.maximum(jnp.sqrt(_square_norm(grads)), clip_norm)
        return jax.tree.map(lambda g: factor.astype(g.dtype) * g, grads)

    return optax.chain(optax.stateless(clip), optimizer)


def _square_norm(tree: PyTree) -> Scalar:
    """Return the sum of squares; by products, because XLA on CPU writes squares to memory before it adds them up."""
    squares = [jnp.vdot(a, a) for a in jax.tree.leaves(tree)]
    return sum(squares, start=jnp.zeros(()))


@partial(compiled, donate="all-except-first")
def take_steps(work: Work, state: State) -> tuple[State, Array, Array]:
    """Take one step per batch of a chunk, all on the device.

    Once more than `max_skipped` steps in a row were non-finite no step is taken any more, so that the
    parameters that come back are those that failed.

    With several devices, each computes the loss of a part of the batch, and its gradient. They exchange the sums and
    all take the same step, so that all hold the same state.

    Arguments:
        work: what to do.
        state: where to begin; donated.

    Returns:
        The state; per step, the loss and the number of skips in a row.
    """
    arrays, rest = eqx.partition(work.frozen, eqx.is_array)
    several = work.devices > 1
    update = optax.with_extra_args_support(work.optimizer).update

    def steps(state: State, arrays: PyTree, batches: Any, rates: Array, keys: Array) -> tuple[State, Array, Array]:
        frozen = eqx.combine(arrays, rest)

        def step(state: State, inputs: tuple[Any, Array, Key]) -> tuple[State, tuple[Array, Array]]:
            batch, rate, key = inputs
            if several:
                key = jax.random.fold_in(key, jax.lax.axis_index(AXIS))

            def of_params(params: PyTree) -> Scalar:
                return work.loss(eqx.combine(params, frozen), batch, key)

            value, grads = jax.value_and_grad(of_params)(state.params)
            if several:
                value, grads = jax.lax.psum((value, grads), AXIS)
            updates, opt_state = update(grads, state.opt_state, state.params, value=value)
            updates = jax.tree.map(lambda u: rate.astype(u.dtype) * u, updates)
            # Squares, because optimizers square gradients: 1e20 is finite in float32, its square is not.
            seen = grads if isinstance(work.optimizer, Tame) else (grads, updates)
            finite = jnp.isfinite(value) & jnp.isfinite(_square_norm(seen)) & jnp.isfinite(jnp.square(rate))
            halted = state.streak > work.max_skipped
            streak = jnp.where(halted, state.streak, jnp.where(finite, 0, state.streak + 1))
            new = (optax.apply_updates(state.params, updates), opt_state)
            kept = (state.params, state.opt_state)
            params, opt_state = jax.tree.map(lambda a, b: jnp.where(finite & ~halted, a, b), new, kept)
            return State(params, opt_state, streak), (value, streak)

        state, (losses, streaks) = jax.lax.scan(step, state, (batches, rates, keys))
        return state, losses, streaks

    if several:
        steps = shared(steps, work.devices, (Spec(), Spec(), Spec(None, AXIS), Spec(), Spec()), Spec())
    return steps(state, arrays, work.batches, work.rates, work.keys)


def minimize(
    key: Key,
    flow: Model,
    objective: Objective,
    settings: Settings,
    *,
    bar: tqdm,
    checkpoint: Checkpoint | None = None,
    started: float,
) -> FitResult[Model]:
    """Minimize an objective over the trainable arrays of a flow.

    Arguments:
        key: random key of the losses: each step receives its own.
        flow: the start.
        objective: what to minimize.
        settings: how.
        bar: shows the epochs.
        checkpoint: where the state after each epoch is kept and taken up again.
        started: `time.monotonic()` of the beginning.

    Raises:
        NonFiniteError: if too many steps in a row are non-finite, or the validation loss is in every epoch.
    """
    devices = settings.devices
    params, frozen = eqx.partition(flow, trainable(flow))
    state = own(State(params, settings.optimizer.init(params), jnp.zeros((), jnp.int32)))
    best = own(params)
    record = Record({"train": []} if objective.validate is None else {"train": [], "val": []})
    memory = objective.memory
    restored = None if checkpoint is None else checkpoint.restore((state, best, memory))
    if restored is not None:
        (state, best, memory), saved = restored
        record = Record(**saved)
        started -= record.seconds
        show_epoch(bar, record.history, record.best_epoch, record.epochs)
    elif objective.validate is not None:
        loss = objective.validate(flow)
        record = replace(record, start_loss=loss if math.isfinite(loss) else math.inf)
    state, everywhere = place(state, devices, Spec()), place(eqx.filter(frozen, eqx.is_array), devices, Spec())
    everywhere = eqx.combine(everywhere, frozen)
    while not record.finished(settings.max_epochs, settings.patience):
        if objective.renew is not None:
            memory = objective.renew(record.epochs, eqx.combine(at_home(state.params, devices), frozen), memory)
        chunks = objective.chunks(record.epochs, memory)
        try:
            state, losses, skipped = run_epoch(key, state, everywhere, objective.loss, chunks, settings, record.steps)
        except _HaltedError as halt:
            params = at_home(halt.state.params, devices)
            if objective.validate is None:
                best = params
            failed = eqx.combine(params, frozen)
            batch = jax.tree.map(lambda a: a[halt.line], halt.chunk.batches)
            cause = objective.explain(failed, batch, halt.chunk.rows[halt.line])
            record = replace(record, skipped=record.skipped + halt.skipped)
            raise NonFiniteError(
                f"The fit stopped in epoch {record.epochs + 1}: the loss or its gradient was not finite in "
                f"{settings.max_skipped + 1} steps in a row. {cause} The best finite parameters are in "
                "`.result` of this error. A smaller `learning_rate` or `clip_norm` may help.",
                record.result(eqx.combine(best, frozen)),
            ) from None
        history = {"train": [*record.history["train"], float(np.mean(losses)) if losses.size else math.nan]}
        improved = True
        params = at_home(state.params, devices)
        if objective.validate is not None:
            value = objective.validate(eqx.combine(params, frozen))
            history["val"] = [*record.history["val"], value]
            improved = value < record.best_loss
        if improved:
            best = own(params)
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
        show_epoch(bar, history, record.best_epoch)
    result = record.result(eqx.combine(best, frozen))
    if objective.validate is not None and record.best_loss == math.inf:
        raise NonFiniteError("The validation loss was not finite after any epoch.", result)
    return result


def run_epoch(
    key: Key, state: State, frozen: PyTree, loss: Loss, chunks: Iterable[Chunk], settings: Settings, step: int
) -> tuple[State, np.ndarray, np.ndarray]:
    """Run one epoch, from step number `step`; while the device works on a chunk the host gathers the next, no more.

    Returns:
        The state, the finite losses, and which steps were skipped.

    Raises:
        _HaltedError: if too many steps in a row were skipped.
    """
    losses: list[np.ndarray] = []
    skipped: list[np.ndarray] = []
    running: tuple[Chunk, Array, Array] | None = None

    def settle(chunk: Chunk, values: Array, streaks: Array) -> None:
        skips = np.asarray(streaks) > 0
        skipped.append(skips)
        losses.append(np.asarray(values, np.float64)[~skips])
        halted = np.asarray(streaks) > settings.max_skipped
        if halted.any():
            line = int(halted.argmax())
            count = sum(int(s.sum()) for s in skipped[:-1]) + int(skips[: line + 1].sum())
            raise _HaltedError(state, chunk, line, count)

    for chunk in chunks:
        count = len(chunk.rows)
        rates, keys = jnp.asarray(settings.rates(step, count)), _step_keys(key, np.arange(step, step + count))
        batches = jax.tree.map(jnp.asarray, place(chunk.batches, settings.devices, Spec(None, AXIS)))
        how = (loss, settings.optimizer, settings.max_skipped, settings.devices)
        state, values, streaks = take_steps(Work(frozen, batches, rates, keys, *how), state)
        if running is not None:
            settle(*running)
        running = (chunk, values, streaks)
        step += count
    if running is not None:
        settle(*running)
    return state, np.concatenate(losses), np.concatenate(skipped)
