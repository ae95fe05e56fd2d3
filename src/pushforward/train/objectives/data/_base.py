"""The contract of what can be minimized to fit a flow to data."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import equinox as eqx
import numpy as np
from jaxtyping import Array

from ...._types import Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ...rows.batch import Batch
from ...rows.rows import Rows


class AbstractDataObjective(ABC):
    """A loss of rows: what `pushforward.fit` minimizes the weighted mean of.

    A fit calls `check` with the flow and the rows, `start_events` for the rows that locations and scales are set by,
    `prepare` with the flow so set, and from then on only methods of the objective that `prepare` returned, with the
    model that it returned.

    Attributes:
        noisy: whether noise is added to an event at each use. Where it is not, the columns of the data must have a
            density: they vary, do not depend on each other linearly, and seldom repeat.
    """

    @property
    @abstractmethod
    def noisy(self) -> bool:
        """See the class."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What decides the loss, name by name, each with a `repr` that two runs of Python share; for checkpoints."""

    @abstractmethod
    def check(self, flow: AbstractDistribution, table: Rows) -> None:
        """Raise a ValueError if the objective cannot be that of this flow, or of these rows."""

    @abstractmethod
    def start_events(self, x: Array, key: Key) -> Array:
        """Return events as the flow will see them before it has been trained, shape (n, *shape)."""

    @abstractmethod
    def prepare(self, flow: AbstractDistribution) -> tuple[eqx.Module, "AbstractDataObjective"]:
        """Return what is trained, the flow or a module that holds it, and the objective of that.

        This objective is hashable, and equal for equal fits: a second fit need not compile again.
        """

    @abstractmethod
    def loss(self, model: Any, batch: Batch, key: Key) -> Scalar:
        """Return the loss of a batch, or of a part of one: the sum of the rows' losses times their weights."""

    @abstractmethod
    def row_losses(self, model: Any, batch: Batch, key: Key) -> Scalars:
        """Return the loss of each row of a batch, for validation: without weights, and without augmentation."""

    @abstractmethod
    def explain(self, model: Any, batch: Batch, rows: np.ndarray) -> str:
        """Return a sentence on what is not finite in a batch, given the table's row of each of its entries."""

    @abstractmethod
    def finish(self, model: Any) -> tuple[AbstractDistribution, AbstractDistribution | None]:
        """Return the flow that was trained, and the distribution of the noise if one was trained along."""


@final
@dataclass(frozen=True)
class BatchLoss:
    """The loss of a prepared objective as a function. Equal for equal objectives, as bound methods are not."""

    objective: AbstractDataObjective

    def __call__(self, model: Any, batch: Batch, key: Key) -> Scalar:
        """Return the loss of a batch, or of a part of one."""
        return self.objective.loss(model, batch, key)
