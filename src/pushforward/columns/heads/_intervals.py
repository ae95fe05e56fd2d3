"""Intervals of scores that belong to atoms."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def padded(low: Array, high: Array, size: int) -> tuple[Array, Array]:
    """Return the ends of intervals, followed by empty intervals up to a number of them."""
    last = high[-1:] if len(high) else jnp.zeros(1, high.dtype)
    more = jnp.repeat(last, size - len(high))
    return jnp.concatenate([low, more]), jnp.concatenate([high, more])


def interval_of(low: Array, high: Array, score: Float[Array, " n"]) -> Float[Array, "2 n"]:
    """Return the ends of the interval that holds each score, or the score as both ends."""
    if not len(low):
        return jnp.stack([score, score])
    at = jnp.minimum(jnp.searchsorted(high, score), len(high) - 1)
    low, high = low[at].astype(score.dtype), high[at].astype(score.dtype)
    inside = (low < score) & (score <= high)
    return jnp.stack([jnp.where(inside, low, score), jnp.where(inside, high, score)])
