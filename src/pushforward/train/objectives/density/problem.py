"""An objective and a log-density as a problem for the loop: losses, batches, and memory."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

import jax
import numpy as np

from ...._types import Key, Scalar
from ....distributions.pushforward import Pushforward
from ....distributions.tail import split_tail, through
from ....parallel.compile import compiled
from ...rows.batch import Batch
from ...rows.rows import Chunk
from ._base import AbstractDensityObjective, AbstractReplayObjective, Target
from .target import LogDensity, evaluate_batch

#: Power of the density at which annealing starts.
COLDEST = 0.01


@final
@dataclass(frozen=True)
class DensityLoss:
    """The loss of a batch. Equal for equal fits, so that a second fit need not compile again."""

    objective: AbstractDensityObjective
    log_density: LogDensity

    def __call__(self, flow: Pushforward, batch: Batch, key: Key) -> Scalar:
        """Return the loss of a batch, or of a part of one."""
        core, target = _pulled_back(flow, self.log_density)
        # The power is one number per batch, but stored once per row, so that each device receives its part.
        power = batch.power[0]
        return self.objective.loss(core, lambda events: power * target(events), batch, key)


def _pulled_back(flow: Pushforward, log_density: LogDensity) -> tuple[Pushforward, Target]:
    """Return the trained part of a flow, and the log-density pulled back to the events of that part."""
    core, tail = split_tail(flow)

    def of_event(event: Any) -> Any:
        x, log_det = through(tail, event)
        return log_density(x).astype(event.dtype) + log_det

    return core, lambda events: evaluate_batch(of_event, events)


def renew_memory(
    objective: AbstractReplayObjective, log_density: LogDensity, powers: np.ndarray, key: Key
) -> Callable[[int, Any, Any], Any]:
    """Return a function (epoch, flow, memory) -> the memory of the objective for that epoch.

    The power of the density in an epoch is that of its first step.
    """

    @compiled
    def renew(flow: Pushforward, power: Any, memory: Any, key: Key) -> Any:
        core, target = _pulled_back(flow, log_density)
        return objective.renew(core, target, power, memory, key)

    def for_epoch(epoch: int, flow: Pushforward, memory: Any) -> Any:
        return renew(flow, powers[epoch * objective.epoch], memory, jax.random.fold_in(key, epoch))

    return for_epoch


def powers_of_steps(steps: int, annealing: float | int, dtype: Any) -> np.ndarray:
    """Return the power of the density in each step; without annealing it is always 1."""
    if not annealing:
        return np.ones(steps, dtype)
    return np.minimum(1.0, COLDEST + np.arange(steps) / (annealing * steps)).astype(dtype)


def draw_batches(
    objective: AbstractDensityObjective, powers: np.ndarray, batch_size: int, devices: int, seed: np.ndarray
) -> Callable[[int, Any], Iterator[Chunk]]:
    """Return a function (number of an epoch, memory of the objective) -> the batches of that epoch."""
    rows = math.ceil(batch_size / devices) * devices
    weight = np.where(np.arange(rows) < batch_size, 1 / batch_size, 0.0).astype(powers.dtype)

    def epoch(number: int, memory: Any) -> Iterator[Chunk]:
        power = powers[number * objective.epoch : (number + 1) * objective.epoch]
        shape = (len(power), rows)
        batches = Batch(np.broadcast_to(weight, shape), power=np.broadcast_to(power[:, None], shape))
        if isinstance(objective, AbstractReplayObjective):
            rng = np.random.default_rng([2, number, *seed.ravel().tolist()])
            batches = objective.draw(memory, rng, batches)
        yield Chunk(batches, np.zeros(shape, np.int64))

    return epoch
