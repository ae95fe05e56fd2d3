"""The contract of objectives that fit a flow to data."""

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
    """A loss of rows, whose weighted mean `pushforward.fit` minimizes.

    A fit calls `check` with the flow and the rows, `start_events` for the rows from which it sets locations and scales,
    and `prepare` with the flow set so. After that it only calls the methods of the objective that `prepare` returned,
    with the model that `prepare` returned.

    Attributes:
        noisy: whether noise is added to an event at each use. Without noise, the columns of the data must have a
            density: they vary, are linearly independent, and seldom repeat.
    """

    @property
    @abstractmethod
    def noisy(self) -> bool:
        """See the class."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The settings that decide the loss, name by name; their `repr` is the same in every Python process."""

    @abstractmethod
    def check(self, flow: AbstractDistribution, table: Rows) -> None:
        """Raise a ValueError if the objective does not suit this flow, or these rows."""

    @abstractmethod
    def start_events(self, x: Array, key: Key) -> Array:
        """Return events as the flow will see them at the start of training, shape (n, *shape)."""

    @abstractmethod
    def prepare(self, flow: AbstractDistribution) -> tuple[eqx.Module, "AbstractDataObjective"]:
        """Return the model to train, which is the flow or a module that holds it, and the objective of that model.

        The returned objective is hashable, and equal for equal fits: a second fit need not compile again.
        """

    @abstractmethod
    def loss(self, model: Any, batch: Batch, key: Key) -> Scalar:
        """Return the loss of a batch, or of a part of one: the sum of the rows' losses times their weights."""

    @abstractmethod
    def row_losses(self, model: Any, batch: Batch, key: Key) -> Scalars:
        """Return the loss of each row of a batch, for validation: without weights, and without augmentation."""

    @abstractmethod
    def explain(self, model: Any, batch: Batch, rows: np.ndarray) -> str:
        """Return a sentence that says where a batch is not finite, given the index into the table of each row."""

    @abstractmethod
    def finish(self, model: Any) -> tuple[AbstractDistribution, AbstractDistribution | None]:
        """Return the trained flow, and the distribution of the noise if it was trained, too."""


class AbstractRowObjective(AbstractDataObjective):
    """An objective that averages a loss per row and trains the flow alone; subclasses only define that loss.

    Subclasses are frozen dataclasses; their fields are the settings.
    """

    @property
    def noisy(self) -> bool:
        """False: events are used as they are."""
        return False

    @property
    def settings(self) -> dict[str, Any]:
        """The fields."""
        return {"objective": type(self).__name__, **vars(self)}

    def check(self, flow: AbstractDistribution, table: Rows) -> None:
        """Accept any flow and any rows."""

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
    """The loss of a prepared objective as a function. Unlike bound methods, equal for equal objectives."""

    objective: AbstractDataObjective

    def __call__(self, model: Any, batch: Batch, key: Key) -> Scalar:
        """Return the loss of a batch, or of a part of one."""
        return self.objective.loss(model, batch, key)
