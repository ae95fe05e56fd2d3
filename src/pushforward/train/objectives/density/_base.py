"""The contract of objectives that fit a flow to a log-density."""

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

#: Largest number of draws whose gradient is held in memory at once; larger batches are accumulated.
AT_ONCE = 4096


class AbstractDensityObjective(ABC):
    """A divergence between a flow q and a density p known up to a constant, estimated from draws.

    Attributes:
        shared: whether the loss is a sum over rows of the batch, so that devices can share them.
        zeros: whether the loss is finite where draws have density zero.
        epoch: number of steps in an epoch, after which the host checks the fit.
        annealing: share of the steps in which the density is annealed, unless the fit is told another.
    """

    shared: bool
    zeros: bool
    epoch: int
    annealing: float

    @abstractmethod
    def loss(self, flow: AbstractDistribution, target: Target, batch: Batch, key: Key) -> Scalar:
        """Return an estimate from as many draws as there are weights.

        Arguments:
            flow: q.
            target: log p of a batch.
            batch: the weights, and the events that the objective has drawn from its memory.
            key: random key for the draws.
        """


class AbstractReplayObjective(AbstractDensityObjective):
    """An objective that keeps events from epoch to epoch in a memory, arrays of fixed shapes, and learns from them."""

    @abstractmethod
    def start(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return the memory before the first epoch, of events of `shape`."""

    @abstractmethod
    def renew(self, flow: AbstractDistribution, target: Target, power: Scalar, memory: Any, key: Key) -> Any:
        """Return the memory for an epoch; runs inside a compiled program.

        Arguments:
            flow: q.
            target: log p of a batch.
            power: the power of p that the epoch learns; below one while the density is annealed.
            memory: the memory of the epoch before.
            key: random key for the draws.
        """

    @abstractmethod
    def draw(self, memory: Any, rng: np.random.Generator, batches: Batch) -> Batch:
        """Return the batches with events drawn from the memory, shapes (steps, rows, ...); runs on the host."""


def accumulated(f: Callable[..., Scalar], key: Key, *arrays: Any) -> Scalar:
    """Return f(key, *arrays), a sum over the first axis of the arrays, in pieces whose gradients fit into memory."""
    n = len(jax.tree.leaves(arrays)[0])
    count = math.ceil(n / AT_ONCE)
    if count == 1:
        return f(key, *arrays)
    size = math.ceil(n / count)

    def pieces(a: Array) -> Array:
        # Zeros fill the last piece: draws of weight zero add nothing to the sum.
        filled = jnp.concatenate([a, jnp.zeros((count * size - n, *a.shape[1:]), a.dtype)])
        return filled.reshape((count, size, *a.shape[1:]))

    def add(total: Scalar, piece: Any) -> tuple[Scalar, None]:
        return total + jax.checkpoint(f)(*piece), None

    keys = jax.random.split(key, count)
    return jax.lax.scan(add, jnp.zeros((), arrays[0].dtype), (keys, *jax.tree.map(pieces, arrays)))[0]


def weighted_sum(weight: Scalars, values: Scalars) -> Scalar:
    """Return Σ w v; a value of weight zero adds nothing, even if it is not finite."""
    return jnp.sum(jnp.where(weight > 0, weight * values, 0.0))


def constant(flow: AbstractDistribution) -> AbstractDistribution:
    """Return the flow as a constant: gradients do not reach its parameters."""
    return jax.tree.map(jax.lax.stop_gradient, flow)
