"""The contract of what can be minimized to fit a flow to a log-density."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...._types import Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ...rows.batch import Batch

#: log p, up to a constant, of each of n events: (n, *shape) -> (n,).
Target: TypeAlias = Callable[[Float[Array, "n ..."]], Scalars]

#: Draws of which the gradient is held in memory at a time; larger batches are accumulated.
AT_ONCE = 4096


class AbstractDensityObjective(ABC):
    """A divergence between a flow q and a density p known up to a constant, estimated from draws.

    Attributes:
        shared: whether the loss is a sum over rows of the batch, so that devices can share them.
        zeros: whether the loss is finite where draws have density zero.
        epoch: steps of an epoch, between two looks of the host.
    """

    shared: bool
    zeros: bool
    epoch: int

    @abstractmethod
    def loss(self, flow: AbstractDistribution, target: Target, batch: Batch, key: Key) -> Scalar:
        """Return an estimate from as many draws as there are weights.

        Arguments:
            flow: q.
            target: log p of a batch.
            batch: its weights, and what the objective has drawn from its memory.
            key: for the draws.
        """


class AbstractReplayObjective(AbstractDensityObjective):
    """An objective that learns from events which it keeps from epoch to epoch: its memory, arrays of fixed shapes."""

    @abstractmethod
    def start(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return the memory before the first epoch, of events of `shape`."""

    @abstractmethod
    def renew(self, flow: AbstractDistribution, target: Target, memory: Any, key: Key) -> Any:
        """Return the memory for an epoch; part of a compiled program."""

    @abstractmethod
    def draw(self, memory: Any, rng: np.random.Generator, batches: Batch) -> Batch:
        """Return the batches with what the loss sees of the memory, shapes (steps, rows, ...); on the host."""


def accumulated(f: Callable[..., Scalar], key: Key, *arrays: Any) -> Scalar:
    """Return f(key, *arrays), a sum over the first axis of the arrays, in pieces of which the gradient fits memory."""
    n = len(jax.tree.leaves(arrays)[0])
    count = math.ceil(n / AT_ONCE)
    if count == 1:
        return f(key, *arrays)
    size = math.ceil(n / count)

    def pieces(a: Array) -> Array:
        # Filled up with zeros: draws of weight zero, which add nothing.
        filled = jnp.concatenate([a, jnp.zeros((count * size - n, *a.shape[1:]), a.dtype)])
        return filled.reshape((count, size, *a.shape[1:]))

    def add(total: Scalar, piece: Any) -> tuple[Scalar, None]:
        return total + jax.checkpoint(f)(*piece), None

    keys = jax.random.split(key, count)
    return jax.lax.scan(add, jnp.zeros((), arrays[0].dtype), (keys, *jax.tree.map(pieces, arrays)))[0]


def weighted_sum(weight: Scalars, values: Scalars) -> Scalar:
    """Return Σ w v; what has no weight adds nothing, whatever its value."""
    return jnp.sum(jnp.where(weight > 0, weight * values, 0.0))


def constant(flow: AbstractDistribution) -> AbstractDistribution:
    """Return the flow as a constant: gradients do not reach its parameters."""
    return jax.tree.map(jax.lax.stop_gradient, flow)
