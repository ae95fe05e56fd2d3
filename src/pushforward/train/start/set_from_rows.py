"""Set what a flow takes from data before it is trained: location, scale, correlations, regression, normalizations."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._types import ArrayLike, Key
from ...bijections._base import Part
from ...bijections._fitted import is_pending
from ...distributions.embedded import Embedded
from ...distributions.pushforward import Pushforward
from ...numerics.moments import Moments
from ..loop.result import Flow
from ..rows.checks import check_table
from ..rows.rows import Rows
from .rows import RowsData
from .walk import Beyond, require_set, set_from

#: Elements of the events of which moments are taken where noise comes on top.
NOISY_ELEMENTS = 1 << 24
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
        ValueError: if x or the condition are not as stated, a cell is not finite, or rows do not reach a map.
    """
    if not is_pending(flow):
        return flow
    table, rows = check_table(flow, x, condition, None)
    return _set(flow, RowsData(table, rows, rows[:SAMPLE]))


def set_from_rows(
    flow: Flow, table: Rows, rows: np.ndarray, rng: np.random.Generator, moments: tuple[Moments, Any] | None = None
) -> Flow:
    """Return a flow with every map that is set from data set to rows, normalizations to some of them.

    Arguments:
        flow: any distribution.
        table: the data, as the flow will see them.
        rows: indices of the training rows.
        rng: decides by which rows normalizations are set.
        moments: of these rows, `table.moments(rows)`, if they are known.

    Raises:
        ValueError: if a map stands where rows do not reach it.
    """
    known = table.moments(rows) if moments is None else moments
    return _set(flow, RowsData(table, rows, rng.permutation(rows)[:SAMPLE], known))


def _set(flow: Any, data: RowsData) -> Any:
    if isinstance(flow, Pushforward):
        bijection = set_from(flow.bijection, data)
        base = flow.base
        if is_pending(base):
            base = _set(base, data.moved(Beyond(Part("bijection", bijection), bijection, inverted=False)))
        flow = eqx.tree_at(lambda f: (f.base, f.bijection), flow, (base, bijection))
    if isinstance(flow, Embedded):
        inner = _set(flow.distribution, data.moved(lambda events, c: (events, flow.embed(c))))
        flow = eqx.tree_at(lambda f: f.distribution, flow, inner)
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
        rng: decides which of them are taken.
    """
    most = max(SAMPLE, NOISY_ELEMENTS // max(1, math.prod(table.x.shape[1:])))
    some = np.sort(rng.permutation(rows)[:most])
    batch = table.batches(some, 1.0)
    x = np.asarray(add_noise(jnp.asarray(batch.x), jax.random.key(0)))
    return Rows(x, batch.condition, None if table.weights is None else table.weights[some])
