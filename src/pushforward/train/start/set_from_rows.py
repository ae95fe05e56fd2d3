"""Set what a flow takes from the data before it is trained."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._types import Key
from ...numerics.moments import Moments
from ..loop.result import Flow
from ..rows.batch import float_events
from ..rows.rows import Rows
from .initialize import initialize
from .standardize import standardize

#: Events by which each `ActNorm` is set, and elements of the events by which locations and scales are set where noise
#: comes on top.
INITIAL_ROWS, NOISY_ELEMENTS = 256, 1 << 24


def set_from_rows(
    flow: Flow,
    table: Rows,
    rows: np.ndarray,
    rng: np.random.Generator,
    moments: tuple[Moments, Any] | None = None,
) -> Flow:
    """Return a flow with its locations, scales and correlations set by rows, then each `ActNorm` by some of them.

    Arguments:
        flow: any distribution.
        table: the data, as the flow will see them.
        rows: indices of the training rows.
        rng: decides by which rows each `ActNorm` is set.
        moments: of these rows, `table.moments(rows)`, if they are known.
    """
    flow = standardize(flow, table, rows, *(table.moments(rows) if moments is None else moments))
    some = table.batches(rng.permutation(rows)[:INITIAL_ROWS], 1.0)
    return initialize(flow, float_events(some.x), some.condition)


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
    most = max(INITIAL_ROWS, NOISY_ELEMENTS // max(1, math.prod(table.x.shape[1:])))
    some = np.sort(rng.permutation(rows)[:most])
    batch = table.batches(some, 1.0)
    x = np.asarray(add_noise(jnp.asarray(batch.x), jax.random.key(0)))
    return Rows(x, batch.condition, None if table.weights is None else table.weights[some])
