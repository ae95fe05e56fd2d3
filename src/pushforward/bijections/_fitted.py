"""The contract of a map that is set from data before training."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import require
from .._types import Conditions, Events
from ..numerics.moments import Moments
from ._base import AbstractBijection

#: (events, their conditions), the batch last, -> the vectors (columns, batch) whose moments are computed.
Vectors = Callable[[Events, Conditions], Float[Array, "columns n"]]
#: The columns of some events, and the weights of these.
Observed = tuple[Float[np.ndarray, "rows columns"], Float[np.ndarray, "rows"]]


def flat_events(events: Events, condition: Conditions) -> Float[Array, "columns n"]:
    """Return the elements of the events."""
    return events.reshape((math.prod(events.shape[:-1]), events.shape[-1]))


def flat_condition(events: Events, condition: Conditions) -> Float[Array, "columns n"]:
    """Return the elements of the condition."""
    return events[:0].reshape((0, events.shape[-1])) if condition is None else flat_events(condition, None)


class AbstractData(ABC):
    """The events and conditions that reach the data side of a map, known by their moments and some of them."""

    @property
    @abstractmethod
    def rows(self) -> float:
        """The number of events; infinite for a distribution."""

    @property
    @abstractmethod
    def dtype(self) -> Any:
        """The dtype of the events."""

    @property
    @abstractmethod
    def condition_dtype(self) -> Any:
        """The dtype of the conditions."""

    @abstractmethod
    def moments(self, of: Vectors = flat_events) -> Moments:
        """Return the mean and standard deviation of each column."""

    @abstractmethod
    def covariance(self, of: Vectors = flat_events) -> Float[np.ndarray, "columns columns"]:
        """Return the covariance matrix of the columns, in float64."""

    @abstractmethod
    def observed(self, of: Vectors = flat_events) -> Observed:
        """Return the columns of many of the events, and the weights of these, in float64.

        They are enough for quantiles and for the tails beyond; no rows for a distribution, which has moments alone.
        """

    @abstractmethod
    def sample(self) -> tuple[Events, Conditions]:
        """Return some hundreds of events and their conditions, the batch last."""


class AbstractFitted(AbstractBijection):
    """A bijection that is set from data, in closed form, before training.

    `pushforward.fit` sets every such map of a flow whose `fitted` is False. Each map is set from the training data as
    transformed by the maps between it and the data. Until then what is to be set is the identity, and costs nothing.

    Attributes:
        fitted: whether the map has been set.
    """

    fitted: eqx.AbstractVar[bool]

    @abstractmethod
    def fit_to(self, data: AbstractData) -> AbstractBijection:
        """Return the map that brings `data`, on its data side, closest to normal on its base side.

        It is of this class, or the identity where there is nothing to do.
        """

    @abstractmethod
    def inverted(self) -> AbstractBijection:
        """Return the inverse of this map, for a flow that runs the map backwards."""


def require_set_or_identity(fitted: bool, identity: bool) -> None:
    """Raise unless the numbers of a map that has not been set are those of the identity.

    Raises:
        ValueError: if they are not.
    """
    remedy = "A map that is not fitted is the identity until `pushforward.fit` sets it."
    require(fitted or identity, "fitted", "True with numbers other than the identity's", fitted, remedy)


def unmoved(events: Float[Array, "..."], like: Array, batch: tuple[int, ...] = ()) -> tuple[Array, Array]:
    """Return events as they are and zero log-determinants, in the dtype that a map by the numbers `like` gives."""
    dtype = jnp.result_type(events, like)
    return events.astype(dtype), jnp.zeros(batch, dtype)


def is_pending(tree: Any) -> bool:
    """Return whether the tree holds a map that is still to be set from data."""

    def pending(node: Any) -> bool:
        return isinstance(node, AbstractFitted) and not node.fitted

    return any(pending(node) for node in jax.tree.leaves(tree, is_leaf=pending))


def was_fitted(tree: Any) -> bool:
    """Return whether the tree holds a map that has been set from data."""

    def done(node: Any) -> bool:
        return isinstance(node, AbstractFitted) and node.fitted

    return any(done(node) for node in jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, AbstractFitted)))


def loc_scale(of: Moments, shape: tuple[int, ...], dtype: Any) -> tuple[Array, Array]:
    """Return location and scale as arrays; a constant column keeps scale one."""
    scale = np.where(of.scale > 0, of.scale, 1.0)
    return jax.device_put((of.loc.reshape(shape).astype(dtype), scale.reshape(shape).astype(dtype)))
