"""Operations that stop the compiler from fusing.

XLA on CPU fuses a cheap operation into every reader of its result, and computes it once per element that is read: it
would compute an array that is broadcast along the bins of a spline again for each bin. It does not fuse operations that
it counts as expensive, such as divisions, and offers no other way to stop it (it removes optimization barriers before
fusing). These functions return their argument, bit for bit unless it is subnormal, through an expensive operation.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def one_like(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return ones, for finite x, that the compiler cannot recognize as ones."""
    return jax.lax.stop_gradient(1.0 + (x - x))


def materialize(x: Float[Array, "..."], one: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return x = x / one, materialized; its cotangent is materialized as well."""
    return x / one


def materialize_index(index: Int[Array, "..."], most: int) -> Int[Array, "..."]:
    """Return index = index mod m for 0 <= index <= `most`, m not a power of two."""
    m = most + 1
    # The remainder by a power of two is a bit mask, which counts as cheap.
    return jax.lax.rem(index, jnp.full_like(index, m + 1 if m & (m - 1) == 0 else m))
