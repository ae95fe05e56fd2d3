"""What a loss sees of the data."""

from typing import Any, final

import equinox as eqx
import jax.numpy as jnp

from ..._types import Event


@final
class Batch(eqx.Module):
    """Rows of one step, or of several steps, stacked along the first axis.

    The rows come first in each array, of NumPy before they are placed on a device. What a loss does not use is None.

    Attributes:
        weight: shape (rows,): 1 / n in a batch of n rows of equal weight, zero for padding.
        x: events, shape (rows, *shape).
        condition: what they are conditioned on, shape (rows, *cond_shape), or a tree of such arrays.
        power: shape (rows,), all equal: the power of a log-density that is annealed.
        log_q: shape (rows,), the flow's log-density of events that were drawn from memory, at the time of weighting.
    """

    weight: Any
    x: Any = None
    condition: Any = None
    power: Any = None
    log_q: Any = None


def float_events(x: Any) -> Event:
    """Return events as floats, which come to the device as bytes, or as floats already."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)
