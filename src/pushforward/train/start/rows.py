"""What a flow is set to before training, from rows: location, scale, correlations, regression, normalizations."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..._errors import bad
from ..._types import ArrayLike, Conditions, Events
from ...bijections._base import AbstractBijection, Part, inverse_batch
from ...bijections._fitted import Vectors, flat_condition, flat_events, is_pending
from ...distributions.pushforward import Pushforward
from ...numerics.moments import Moments, covariance, moments
from ..loop.result import Flow
from ..rows.rows import Rows, blocks, float_dtype
from .walk import AbstractMovingData, Beyond, Into, require_set, set_from

#: Events of which a normalization takes mean and scale.
SAMPLE = 256


def initialize(flow: Flow, x: ArrayLike, condition: ArrayLike | None = None) -> Flow:
    """Return `flow` with every map that is set from data set: what `pushforward.fit` does before its first step.

    These are `Standardize`, `Whiten`, `Regress`, `StandardizeCondition` and `ActNorm`, at any place of a flow, where
    `fitted` is False. Each sees the data as the maps between it and the data leave them. Call it before a loop of your
    own: without it a flow works in the units of the data, of which it knows nothing.

    Arguments:
        flow: any distribution; one without such a map is returned as it is.
        x: events, shape (n, *flow.shape), with the noise that the flow will see.
        condition: what they are conditioned on, shape (n, *flow.cond_shape), for a conditional flow.

    Raises:
        ValueError: if the shape of x is not that of events of the flow, or a map cannot be set.
    """
    if not is_pending(flow):
        return flow
    events = np.asarray(x)
    if events.shape[1:] != flow.shape or not len(events):
        raise bad("x", f"of shape (n, {', '.join(map(str, flow.shape))}), n > 0", f"`shape {events.shape}`")
    table = Rows(events, None if condition is None else np.asarray(condition), None)
    rows = np.arange(len(events))
    return set_from_rows(flow, RowsData(table, rows, rows[:SAMPLE]))


def set_from_rows(flow: Flow, data: "RowsData") -> Flow:
    """Return `flow` with every map that is set from data set to the rows.

    Raises:
        ValueError: if a map stands where rows do not reach it.
    """
    if isinstance(flow, Pushforward):
        bijection = set_from(flow.bijection, data)
        base = flow.base
        if is_pending(base):
            base = set_from_rows(base, data.moved(Beyond(Part("bijection", bijection), bijection, inverted=False)))
        flow = eqx.tree_at(lambda f: (f.base, f.bijection), flow, (base, bijection))
    require_set(flow)
    return flow


@final
@dataclass(frozen=True)
class RowsData(AbstractMovingData):
    """Rows of a table as they are after some moves, a block at a time.

    Attributes:
        table: the rows.
        used: which of them.
        some: which of them are the sample.
        known: moments of x and of the condition as they are in the table, None where they are not known.
        before: the data before the last move, and this move; None at the start.
    """

    table: Rows
    used: np.ndarray
    some: np.ndarray
    known: tuple[Moments | None, Moments | None] = (None, None)
    before: "tuple[RowsData, Into | Beyond] | None" = None

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
        return self.dtype if self.table.condition is None else float_dtype(self.table.condition)

    def moved(self, move: Into | Beyond) -> "RowsData":
        """Return the rows as they are after a move."""
        return RowsData(self.table, self.used, self.some, before=(self, move))

    def moments(self, of: Vectors = flat_events) -> Moments:
        """Return mean and standard deviation of each column, with the weights of the rows."""
        known = self.known[0] if of is flat_events else self.known[1] if of is flat_condition else None
        return moments(self._blocks(of)) if known is None else known

    def covariance(self, of: Vectors = flat_events) -> Float[np.ndarray, "columns columns"]:
        """Return the covariance matrix of columns, with the weights of the rows."""
        return covariance(self._blocks(of))

    def sample(self) -> tuple[Events, Conditions]:
        """Return the events of the sample and their conditions, the batch last."""
        return self._sample

    @cached_property
    def _sample(self) -> tuple[Events, Conditions]:
        if self.before is None:
            batch = self.table.batches(self.some, 1.0)
            condition = batch["condition"]
            events = jnp.moveaxis(jnp.asarray(batch["x"], jnp.result_type(float)), 0, -1)
            return events, None if condition is None else jnp.moveaxis(jnp.asarray(condition, events.dtype), 0, -1)
        data, move = self.before
        events, condition = data.sample()
        if isinstance(move, Into):
            return move(events, condition)
        # Layers of one structure share a program.
        inner = move.part.take(events), move.part.condition(condition)
        return move.part.put(events, _pulled_back(move.map, *inner)), condition

    def _blocks(self, of: Vectors) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield blocks of vectors (rows, columns), and the weights."""
        moves: list[Into | Beyond] = []
        data = self
        while data.before is not None:
            data, move = data.before
            moves.insert(0, move)

        @jax.jit
        def vectors(x: Any, condition: Any) -> Any:
            # Whole numbers may come as bytes.
            events = jnp.moveaxis(x.astype(self.dtype), 0, -1)
            condition = None if condition is None else jnp.moveaxis(condition, 0, -1)
            for move in moves:
                events, condition = move(events, condition)
            return of(events, condition).T

        for start, block in blocks(self.table.x, self.used):
            batch = self.table.batches(self.used[start : start + len(block)], 1.0)
            values = np.asarray(vectors(batch["x"], batch["condition"]), np.float64)
            yield values, batch["weight"].astype(np.float64)


@eqx.filter_jit
def _pulled_back(bijection: AbstractBijection, events: Events, condition: Conditions) -> Events:
    return inverse_batch(bijection, events, condition)[0]
