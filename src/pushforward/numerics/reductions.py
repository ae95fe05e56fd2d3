"""Reductions over short axes that XLA compiles itself.

XLA on CPU hands sums and maxima to a library (YNNPACK) that takes up to forty times as long as XLA's own code where
the axes after the reduced one are long, and that keeps XLA from computing what is summed on the way: a density of a
spline flow takes three to seven times as long. XLA recognizes a reduction by its operation, so these are written with
operations that give the same numbers and that it does not recognize. A compiler option that does the same reaches the
package's own programs only, not a user's.
"""

from functools import partial, reduce
from operator import add

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def short_sum(x: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    """Return the sum along an axis of a few elements, the bins of a spline for example."""
    return jax.lax.reduce(x, jnp.zeros((), x.dtype), lambda a, b: a - (-b), (axis,))


@short_sum.defjvp
def _short_sum_jvp(axis: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # JAX has no derivative of a reduction by an operation that it does not know. Terms one by one: a sum would be
    # handed to the library, and a custom rule for the transpose does not work under `vmap`. Its transpose, which
    # concatenates copies, is compiled to a broadcast.
    (x,), (x_dot,) = primals, tangents
    terms = jax.lax.split(x_dot, (1,) * x.shape[axis], axis)
    return short_sum(x, axis), jnp.squeeze(reduce(add, terms), axis)


def short_max(x: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    """Return the largest along an axis of a few finite elements, without a derivative."""
    x = jax.lax.stop_gradient(x)
    return jax.lax.reduce(x, jnp.full((), -jnp.inf, x.dtype), lambda a, b: jax.lax.select(a > b, a, b), (axis,))


def short_log_sum_exp(x: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    """Return log Σ exp(x) along an axis of a few elements, of which one at least is not -inf."""
    top = short_max(jnp.maximum(x, jnp.finfo(x.dtype).min / 4), axis)
    return top + jnp.log(short_sum(jnp.exp(x - jnp.expand_dims(top, axis)), axis))
