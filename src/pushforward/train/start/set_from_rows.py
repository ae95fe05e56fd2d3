"""Set location, scale, correlations, regression and normalizations of a flow from data before it is trained."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._types import ArrayLike, Key
from ...bijections._fitted import is_pending
from ...distributions._base import AbstractEmbeddingDistribution
from ...distributions.pushforward import Pushforward
from ...numerics.moments import Moments
from ..loop.result import Flow
from ..rows.checks import check_table
from ..rows.rows import Rows
from .rows import RowsData
from .walk import require_set, set_from

#: Number of elements of the events from which moments are taken if noise is added.
NOISY_ELEMENTS = 1 << 24
#: Number of events from which a normalization takes mean and scale.
SAMPLE = 256


def initialize(flow: Flow, x: ArrayLike, condition: ArrayLike | None = None) -> Flow:
    """Set from data all bijections of a flow that need it, as `pushforward.fit` does before its first step.

    These are `Standardize`, `Whiten`, `Regress`, `TukeyH`, `StandardizeCondition` and `ActNorm` with `fitted` False, at
    any place of a flow. Each is set from the data that the bijections between it and the data have transformed. Call
    this before a training loop of your own: otherwise the flow does not know the location and scale of the data.

    Arguments:
        flow: any distribution; one without such a bijection is returned as it is.
        x: events, shape (n, *flow.shape), with the noise that the flow will see.
        condition: conditions of the events, shape (n, *flow.cond_shape), for a conditional flow.

    Raises:
        ValueError: if x or the condition are not as stated, a cell is not finite, or the rows do not reach a bijection.
    """
    if not is_pending(flow):
        return flow
    table, rows = check_table(flow, x, condition, None)
    return _set(flow, RowsData(table, rows, rows[:SAMPLE]))


def set_from_rows(
    flow: Flow, table: Rows, rows: np.ndarray, rng: np.random.Generator, moments: tuple[Moments, Any] | None = None
) -> Flow:
    """Set from rows all bijections of a flow that need data, and from some of the rows its normalizations.

    Arguments:
        flow: any distribution.
        table: the data, as the flow will see them.
        rows: indices of the training rows.
        rng: decides from which rows normalizations are set.
        moments: moments of these rows, `table.moments(rows)`, if they are known.

    Raises:
        ValueError: if a bijection stands where the rows do not reach it.
    """
    known = table.moments(rows) if moments is None else moments
    return _set(flow, RowsData(table, rows, rng.permutation(rows)[:SAMPLE], known))


def _set(flow: Any, data: RowsData) -> Any:
    if isinstance(flow, Pushforward):
        flow = eqx.tree_at(lambda f: f.bijection, flow, set_from(flow.bijection, data))
    if isinstance(flow, AbstractEmbeddingDistribution) and is_pending(flow):
        flow = flow.with_held([_set(part, data.moved(view)) for part, view in flow.held()])
    require_set(flow)
    return flow


def rows_with_noise(
    add_noise: Callable[[Array, Key], Array], table: Rows, rows: np.ndarray, rng: np.random.Generator
) -> Rows:
    """Return rows with noise, as many as fit into memory.

    Arguments:
        add_noise: (events, key) -> events.
        table: the data.
        rows: indices of the training rows.
        rng: decides which rows are taken.
    """
    most = max(SAMPLE, NOISY_ELEMENTS // max(1, math.prod(table.x.shape[1:])))
    some = np.sort(rng.permutation(rows)[:most])
    batch = table.batches(some, 1.0)
    x = np.asarray(add_noise(jnp.asarray(batch.x), jax.random.key(0)))
    return Rows(x, batch.condition, None if table.weights is None else table.weights[some])
