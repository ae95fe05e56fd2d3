"""The contract of what can be minimized to fit a flow to data."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ...._types import Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ...explain import explain
from ...rows.batch import Batch, float_events
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


class AbstractRowObjective(AbstractDataObjective):
    """An objective that is the mean of a loss of each row and trains the flow alone: all but that loss is given.

    Subclasses are frozen dataclasses, of which the fields are the settings.
    """

    @property
    def noisy(self) -> bool:
        """No: events are used as they are."""
        return False

    @property
    def settings(self) -> dict[str, Any]:
        """The fields."""
        return {"objective": type(self).__name__, **vars(self)}

    def check(self, flow: AbstractDistribution, table: Rows) -> None:
        """Take any flow and any rows."""

    def start_events(self, x: Array, key: Key) -> Array:
        """Return the events as they are."""
        return float_events(x)

    def prepare(self, flow: AbstractDistribution) -> tuple[eqx.Module, AbstractDataObjective]:
        """Return the flow and this objective."""
        return flow, self

    def loss(self, model: Any, batch: Batch, key: Key) -> Scalar:
        """Return the weighted sum of the rows' losses."""
        return jnp.sum(batch.weight * self.row_losses(model, batch, key))

    def explain(self, model: Any, batch: Batch, rows: np.ndarray) -> str:
        """Name the first part of the flow that makes a batch non-finite."""
        return explain(model, batch, rows)

    def finish(self, model: Any) -> tuple[AbstractDistribution, AbstractDistribution | None]:
        """Return the flow."""
        return model, None


@final
@dataclass(frozen=True)
class BatchLoss:
    """The loss of a prepared objective as a function. Equal for equal objectives, as bound methods are not."""

    objective: AbstractDataObjective

    def __call__(self, model: Any, batch: Batch, key: Key) -> Scalar:
        """Return the loss of a batch, or of a part of one."""
        return self.objective.loss(model, batch, key)
