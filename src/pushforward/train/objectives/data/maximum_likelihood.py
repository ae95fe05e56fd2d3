"""Maximum likelihood: minimize the forward Kullback-Leibler divergence, E_data[-log p(x | condition)]."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...._types import Key, Scalar
from ....distributions._base import AbstractDistribution
from ....parallel.compile import compiled


def negative_log_likelihood(flow: AbstractDistribution, batch: dict[str, Any], key: Key) -> Scalar:
    """Return Σ_i w_i (-log p(x_i | c_i)) of the rows of a batch, or of a part of one, in nats.

    Arguments:
        flow: the density.
        batch: "x" (batch, *shape), "condition" (batch, *cond_shape) or None, "weight" (batch,): 1 / n, in a batch of
            n rows of equal weight; rows of weight zero are padding.
        key: not used: nothing here is random.
    """
    del key
    return -jnp.sum(batch["weight"] * flow.log_prob(batch["x"], batch["condition"]))


@compiled
def row_losses(flow: AbstractDistribution, batches: dict[str, Any]) -> Float[Array, "lines rows"]:
    """Return -log p(x | condition) of each row of stacked batches, one batch after the other."""
    return jax.lax.map(lambda batch: -flow.log_prob(batch["x"], batch["condition"]), batches)
