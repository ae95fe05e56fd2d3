"""What a user passes, as arrays."""

import jax
import jax.numpy as jnp

from ._errors import bad
from ._types import ArrayLike, Event


def as_float(name: str, x: ArrayLike) -> Event:
    """Return `x` as a floating-point array, its dtype kept where it is one already.

    Raises:
        ValueError: if it is no array of real numbers.
    """
    try:
        x = jnp.asarray(x)
    except (TypeError, ValueError):
        raise bad(name, "an array of real numbers", x) from None
    if jnp.issubdtype(x.dtype, jnp.complexfloating) or jnp.issubdtype(x.dtype, jax.dtypes.extended):
        raise bad(name, "an array of real numbers", f"`dtype {x.dtype}`")
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))
