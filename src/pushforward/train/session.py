"""The parts that all fits share: optimizer, checkpoint, progress bar, errors."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import optax
from tqdm import tqdm

from .._types import Key
from ..distributions._base import AbstractDistribution
from .loop.ahead import compiling
from .loop.checkpoint import Checkpoint
from .loop.fingerprint import digest_optimizer
from .loop.minimize import Problem, Settings, minimize
from .loop.progress import progress_bar
from .loop.result import FitResult, NonFiniteError
from .loop.schedule import default_schedule, tabulate
from .loop.steps import adam, clipped
from .optimization import Optimization

#: model -> its trained flow, and the distribution trained with it or None.
Finish = Callable[[Any], tuple[Any, AbstractDistribution | None]]


@final
@dataclass(frozen=True)
class Plan:
    """The length of a fit, and the number of its devices.

    Attributes:
        learning_rate: the default.
        steps: length of the default schedule.
        max_epochs: the most epochs.
        patience: number of epochs without a better validation loss after which the fit stops.
        devices: number of devices that share a batch.
        bits: number of dimensions of an event, if the progress bar is to show losses in bits per dimension.
        members: number of models trained side by side, or None for one model.
        decay, average: the defaults; see `Optimization`.
    """

    learning_rate: float
    steps: int
    max_epochs: int
    patience: int
    devices: int
    bits: int | None = None
    members: int | None = None
    decay: float = 0.0
    average: float = 0.0


@final
@dataclass(frozen=True)
class Session:
    """A fit in progress; `session` opens it.

    Attributes:
        settings: settings of the loop.
        bar: the progress bar.
        checkpoint: where the state is kept, or None.
        started: `time.monotonic()` of the beginning.
    """

    settings: Settings
    bar: tqdm
    checkpoint: Checkpoint | None
    started: float

    @property
    def is_new(self) -> bool:
        """Whether there is no state to resume from."""
        return self.checkpoint is None or self.checkpoint.is_empty

    def compiling(self, key: Key, model: Any, problem: Problem) -> AbstractContextManager[None]:
        """Compile the first steps of `minimize` as long as the context is open; arguments are the same."""
        return compiling(key, model, problem, self.settings)

    def minimize(
        self, key: Key, model: Any, problem: Problem, finish: Finish = lambda model: (model, None)
    ) -> FitResult[Any]:
        """Minimize over the trainable arrays of a model, and return the flow that it holds with the record of the fit.

        Raises:
            NonFiniteError: see `loop.minimize`. It also carries the flow.
        """
        try:
            found = minimize(
                key, model, problem, self.settings, bar=self.bar, checkpoint=self.checkpoint, started=self.started
            )
        except NonFiniteError as error:
            error.result = _finished(error.result, finish)
            raise
        return _finished(found, finish)


@contextmanager
def session(
    optimization: Optimization,
    plan: Plan,
    identity: Callable[[], dict[str, str]],
    *,
    checkpoint: str | Path | None,
    progress: bool | None,
    started: float,
) -> Iterator[Session]:
    """Open a fit: show its progress bar and open its checkpoint, which is released in any case.

    Arguments:
        optimization: how parameters are changed.
        plan: the length of the fit.
        identity: () -> everything else that decides the fit, name by name; called if there is a checkpoint.
        checkpoint: a directory for the state after each epoch, or None.
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        started: `time.monotonic()` of the beginning.

    Raises:
        ValueError: if `checkpoint` is of another fit.
    """
    peak = plan.learning_rate if optimization.learning_rate is None else optimization.learning_rate
    decay = plan.decay if optimization.decay is None else optimization.decay
    if optimization.optimizer is not None:
        optimizer, schedule = clipped(optimization.optimizer, optimization.clip_norm), optax.constant_schedule(1.0)
    else:
        optimizer = adam(optimization.clip_norm, decay, optimization.sparsity)
        schedule = peak if callable(peak) else default_schedule(peak, plan.steps)
    settings = Settings(
        optimizer,
        tabulate(schedule),
        plan.max_epochs,
        plan.patience,
        optimization.max_skipped,
        plan.devices,
        (plan.average if optimization.average is None else optimization.average) or None,
        plan.bits,
        plan.members,
    )
    store = None
    if checkpoint is not None:
        rates = settings.rates(0, 1000) if callable(peak) else np.asarray(peak)
        plain = {name: repr(getattr(optimization, name)) for name in ("clip_norm", "max_skipped")}
        plain |= {"decay": repr(decay), "sparsity": repr(optimization.sparsity), "average": repr(settings.average)}
        store = Checkpoint(checkpoint, {**identity(), **plain, **digest_optimizer(optimizer, rates)})
    try:
        with progress_bar(plan.max_epochs, progress) as bar:
            yield Session(settings, bar, store, started)
    except KeyboardInterrupt as interrupt:
        if store is not None and not store.is_empty:
            interrupt.add_note(f"The fit is kept in {checkpoint}; the same call goes on from there.")
        raise
    finally:
        if store is not None:
            store.close()


def _finished(found: FitResult[Any], finish: Finish) -> FitResult[Any]:
    flow, dequantizer = finish(found.flow)
    return replace(found, flow=flow, dequantizer=dequantizer)
