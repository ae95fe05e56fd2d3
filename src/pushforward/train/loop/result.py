"""The result of a fit, and the error that ends a fit that cannot go on."""

import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, final

import equinox as eqx

from ...distributions._base import AbstractDistribution

#: The type of the fitted flow, that of the initial flow.
Flow = TypeVar("Flow", bound=AbstractDistribution)
#: The type of the model that the loop trains: a flow, or a module that holds one.
Model = TypeVar("Model", bound=eqx.Module)


@final
@dataclass(frozen=True, repr=False)
class FitResult(Generic[Model]):
    """A fitted flow and the record of its fit.

    Attributes:
        flow: the flow with the parameters of the lowest validation loss, or, without validation rows, the last
            parameters; of several members their mixture, and with Gaussians beside them a mixture of both.
        history: the losses of each epoch, "train" and, with validation rows, "val". For maximum likelihood, the
            mean negative log-likelihood in nats per row, in the units of the data. "train" is the mean over the
            epoch's batches, each computed before its step; NaN for an epoch in which every step was skipped.
        best_epoch: index into `history` of the epoch after which the parameters were best, counted from zero;
            -1 if none was better than the initial flow, the normal distribution of the data's mean and covariance.
        skipped_steps: number of steps that were skipped because the loss or a gradient was not finite.
        seconds: wall-clock time of the fit, compilation included, summed over its resumptions.
        dequantizer: the distribution of the noise, if it was trained with the flow (`noise` of `pushforward.fit`).
    """

    flow: Model
    history: dict[str, list[float]]
    best_epoch: int
    skipped_steps: int
    seconds: float
    dequantizer: AbstractDistribution | None = None

    def __repr__(self) -> str:
        """Return a summary of the fit, without the parameters."""
        epochs, losses = len(self.history["train"]), self.history.get("val") or self.history["train"]
        best = (
            f"{losses[self.best_epoch]:.4f} after epoch {self.best_epoch + 1}" if self.best_epoch >= 0 else "the start"
        )
        return (
            f"FitResult(flow={type(self.flow).__name__}, {epochs} epochs, best: {best}, "
            f"{self.skipped_steps} steps skipped, {self.seconds:.0f} s)"
        )


@final
class NonFiniteError(RuntimeError):
    """The loss or its gradient stayed non-finite for too many steps in a row.

    Attributes:
        result: the `FitResult` until then, with the best finite parameters.
    """

    def __init__(self, message: str, result: FitResult[Any]):
        self.args = (message, result)
        self.result = result

    def __str__(self) -> str:
        return self.args[0]


@final
@dataclass(frozen=True)
class Record:
    """The progress of a fit: the part of a checkpoint that is not arrays. Fields as in `FitResult`.

    Attributes:
        start_loss: validation loss of the initial model.
        steps: number of steps so far, including skipped steps.
    """

    history: dict[str, list[float]]
    start_loss: float = math.inf
    best_epoch: int = -1
    steps: int = 0
    skipped: int = 0
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Number of epochs so far."""
        return len(self.history["train"])

    @property
    def best_loss(self) -> float:
        """Lowest validation loss so far, including `start_loss`; inf if there is none."""
        return self.history["val"][self.best_epoch] if self.best_epoch >= 0 else self.start_loss

    def finished(self, max_epochs: int, patience: int) -> bool:
        """Whether all epochs are done or the validation loss has not improved for `patience` epochs."""
        waited = self.epochs - 1 - self.best_epoch
        return self.epochs >= max_epochs or ("val" in self.history and waited >= patience)

    def result(self, flow: Model) -> FitResult[Model]:
        """Return the result with this record."""
        return FitResult(flow, self.history, self.best_epoch, self.skipped, self.seconds)
