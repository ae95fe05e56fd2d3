"""Location and scale, the two parameters of every location-scale family."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._arrays import as_float
from .._errors import require
from .._types import ArrayLike
from ..numerics.safe import log_expm1


def raw_location_scale(loc: ArrayLike, scale: ArrayLike) -> tuple[Array, Array]:
    """Return location and unconstrained scale, broadcast to one shape; its softplus is the scale.

    Raises:
        ValueError: if a location is not finite, or a scale is not positive and finite.
    """
    loc, scale = jnp.broadcast_arrays(as_float("loc", loc), as_float("scale", scale))
    require(bool(np.all(np.isfinite(loc))), "loc", "finite", loc)
    return loc, raw_positive("scale", scale)


def raw_positive(name: str, value: ArrayLike) -> Array:
    """Return the array whose softplus is `value`.

    Raises:
        ValueError: if a value is not positive and finite.
    """
    value = as_float(name, value)
    ok = bool(np.all(np.isfinite(value)) and np.all(np.asarray(value) > 0))
    require(ok, name, "positive and finite", value)
    return log_expm1(value)
