"""The ends of an interval."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._arrays import as_float
from ..._errors import require
from ..._types import ArrayLike


def checked_ends(shape: tuple[int, ...], low: ArrayLike, high: ArrayLike) -> tuple[Array, Array]:
    """Return both ends as arrays of `shape`.

    Raises:
        ValueError: unless low < high, both finite.
    """
    ends = jnp.broadcast_to(as_float("low", low), shape), jnp.broadcast_to(as_float("high", high), shape)
    finite = bool(np.all(np.isfinite(ends)))
    ok = finite and bool(np.all(np.asarray(ends[0]) < np.asarray(ends[1])))
    require(ok, "low", "finite and below `high`, finite too", f"`low = {low}, high = {high}`")
    return ends
