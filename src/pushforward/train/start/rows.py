"""Rows of a table, moved along a flow from data to base."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..._types import Conditions, Events
from ...bijections._base import AbstractBijection, inverse_batch
from ...bijections._fitted import Observed, Vectors, flat_condition, flat_events
from ...numerics.moments import Moments, covariance, moments
from ..rows.rows import Rows, blocks, float_dtype
from .walk import AbstractMovingData, Beyond, Move

#: The most rows of which quantiles are taken, and the most numbers that these rows hold.
OBSERVED_ROWS, OBSERVED_NUMBERS = 100_000, 1 << 24


@final
@dataclass(frozen=True)
class RowsData(AbstractMovingData):
    """Rows of a table after some moves, computed a block at a time.

    Attributes:
        table: the rows.
        used: indices of the rows that are used.
        some: indices of the rows that are the sample.
        known: moments of x and of the condition in the table, None if they are not known.
        before: the data before the last move, and this move; None before the first move.
    """

    table: Rows
    used: np.ndarray
    some: np.ndarray
    known: tuple[Moments | None, Any] = (None, None)
    before: "tuple[RowsData, Move] | None" = None

    @property
    def rows(self) -> float:
        """The number of rows."""
        return float(len(self.used))

    @property
    def dtype(self) -> Any:
        """The dtype of x on the device."""
        return float_dtype(self.table.x)

    @property
    def condition_dtype(self) -> Any:
        """The dtype of the condition on the device."""
        condition = self.table.condition
        return float_dtype(condition) if isinstance(condition, np.ndarray) else self.dtype

    def moved(self, move: Move) -> "RowsData":
        """Return the rows after a move."""
        return RowsData(self.table, self.used, self.some, before=(self, move))

    def moments(self, of: Vectors = flat_events) -> Moments:
        """Return mean and standard deviation of each column, with the weights of the rows."""
        known = self.known[0] if of is flat_events else self.known[1] if of is flat_condition else None
        return moments(self._blocks(of)) if known is None else known

    def covariance(self, of: Vectors = flat_events) -> Float[np.ndarray, "columns columns"]:
        """Return the covariance matrix of columns, with the weights of the rows."""
        return covariance(self._blocks(of))

    def observed(self, of: Vectors = flat_events) -> Observed:
        """Return columns of the rows, or of as many of them, evenly spaced, as memory is set aside for."""
        arrays = [self.table.x, *jax.tree.leaves(self.table.condition)]
        width = sum(math.prod(array.shape[1:]) for array in arrays)
        count = min(len(self.used), OBSERVED_ROWS, max(1, OBSERVED_NUMBERS // width))
        spaced = self.used[np.arange(count) * len(self.used) // count]
        values, weights = zip(*replace(self, used=spaced)._blocks(of), strict=True)
        return np.concatenate(values), np.concatenate(weights)

    def sample(self) -> tuple[Events, Conditions]:
        """Return the events of the sample and their conditions, the batch last."""
        return self._sample

    @cached_property
    def _sample(self) -> tuple[Events, Conditions]:
        if self.before is None:
            batch = self.table.batches(self.some, 1.0)
            dtype = jnp.result_type(float)
            batch_last = jax.tree.map(lambda a: jnp.moveaxis(jnp.asarray(a, dtype), 0, -1), (batch.x, batch.condition))
            return batch_last
        data, move = self.before
        events, condition = data.sample()
        if not isinstance(move, Beyond):
            return move(events, condition)
        # Layers of the same structure share a compiled program.
        inner = move.part.take(events), move.part.condition(condition)
        return move.part.put(events, _pulled_back(move.map, *inner)), condition

    def _blocks(self, of: Vectors) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield blocks of vectors (rows, columns), and the weights."""
        moves: list[Move] = []
        data = self
        while data.before is not None:
            data, move = data.before
            moves.insert(0, move)

        @jax.jit
        def vectors(x: Any, condition: Any) -> Any:
            # Whole numbers may come as bytes.
            events, condition = jax.tree.map(lambda a: jnp.moveaxis(a, 0, -1), (x.astype(self.dtype), condition))
            for move in moves:
                events, condition = move(events, condition)
            return of(events, condition).T

        for start, block in blocks(self.table.x, self.used):
            batch = self.table.batches(self.used[start : start + len(block)], 1.0)
            values = np.asarray(vectors(batch.x, batch.condition), np.float64)
            yield values, batch.weight.astype(np.float64)


@eqx.filter_jit
def _pulled_back(bijection: AbstractBijection, events: Events, condition: Conditions) -> Events:
    return inverse_batch(bijection, events, condition)[0]
