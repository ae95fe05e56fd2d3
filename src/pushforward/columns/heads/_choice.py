"""Choice of one of several, by a uniform random number."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...numerics.products import precision


def chosen(uniform: Float[Array, " n"], log_weights: Float[Array, "k n"]) -> Int[Array, " n"]:
    """Return the first of k whose weights up to it exceed a share of all of them.

    Arguments:
        uniform: the shares, from 0 to below 1.
        log_weights: logarithms of the weights, up to a constant for each event.
    """
    weights = jnp.exp(log_weights - log_weights.max(0))
    # A product: XLA's cumulative sums compile, and run, more slowly on CPU.
    up_to = jnp.tensordot(jnp.tri(len(weights), dtype=weights.dtype), weights, 1, precision=precision())
    return jnp.sum((up_to[:-1] <= uniform * up_to[-1]).astype(jnp.int32), axis=0)
