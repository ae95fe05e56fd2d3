"""The batch of data that a loss receives."""

from typing import Any, final

import equinox as eqx
import jax.numpy as jnp

from ..._types import Event


@final
class Batch(eqx.Module):
    """Rows of one step, or of several steps, stacked along the first axis.

    The rows are the first axis of each array, which is a NumPy array until it is placed on a device. A field that the
    loss does not use is None.

    Attributes:
        weight: shape (rows,): 1 / n in a batch of n rows of equal weight, zero for padding.
        x: events, shape (rows, *shape).
        condition: conditions of the events, shape (rows, *cond_shape), or a tree of such arrays.
        power: shape (rows,), all equal: the power of an annealed density.
        log_q: shape (rows,), the flow's log-density of events from a memory, at the time of their weighting.
    """

    weight: Any
    x: Any = None
    condition: Any = None
    power: Any = None
    log_q: Any = None


def float_events(x: Any) -> Event:
    """Return events as floats; they come to the device as bytes or as floats."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)
