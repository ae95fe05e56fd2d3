"""One of several, by a uniform random number, and all of them with their weights."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...numerics.products import precision

#: Nodes of each component.
NODES = 32


def chosen(uniform: Float[Array, " n"], log_weights: Float[Array, "k n"]) -> Int[Array, " n"]:
    """Return the first of k whose weights up to it exceed a share of all of them.

    Arguments:
        uniform: the shares, from 0 to below 1.
        log_weights: logarithms of the weights, up to a constant for each event.
    """
    weights = jnp.exp(log_weights - log_weights.max(0))
    # A product: on CPU, XLA's cumulative sums compile more slowly, and run so from tens of weights on.
    up_to = jnp.tensordot(jnp.tri(len(weights), dtype=weights.dtype), weights, 1, precision=precision())
    return jnp.sum((up_to[:-1] <= uniform * up_to[-1]).astype(jnp.int32), axis=0)


def levels(dtype: Any) -> Float[Array, " nodes"]:
    """Return equally spaced levels of probability."""
    return (jnp.arange(NODES, dtype=dtype) + 0.5) / NODES


def spread(
    scores: Float[Array, "k nodes n"], log_weights: Float[Array, "k n"]
) -> tuple[Float[Array, "all n"], Float[Array, "all n"]]:
    """Return the nodes of all components, and their weights, which add to one."""
    weights = jnp.exp(log_weights - log_weights.max(0))
    weights = weights / (weights.sum(0) * NODES)
    every = jnp.broadcast_to(weights[:, None], scores.shape)
    return scores.reshape((-1, scores.shape[-1])), every.reshape((-1, scores.shape[-1]))
