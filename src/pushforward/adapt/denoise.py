"""The mean of what a noisy event was before the noise, from the density of the noisy ones."""

import math

import jax
import numpy as np
from jaxtyping import Float

from .._arrays import as_float
from .._errors import require
from .._types import ArrayLike, ConditionTree, Events
from ..distributions._base import AbstractDistribution, embed_batch, log_prob_batch
from ..evaluate._pairs import checked_pairs
from ..parallel.compile import compiled

#: Numbers that are differentiated together: the intermediate results of a large network are hundreds of times as many.
TOGETHER = 2**16


def denoise(
    flow: AbstractDistribution, x: ArrayLike, noise_scale: float, condition: ArrayLike | None = None
) -> Float[np.ndarray, "events ..."]:
    """Remove Gaussian noise from events by Tweedie's formula.

        x = x₀ + σ ε,   ε ~ N(0, 1):   E[x₀ | x] = x + σ² ∇ log p(x),   p the density of x, with the noise

    It is exact if the density is that of noisy data. A flow that was fitted with noise of scale σ draws images with
    that noise, which this takes away; it does not bring back what the noise has hidden.

    Arguments:
        flow: p, a density that was fitted to data with Gaussian noise of scale `noise_scale`.
        x: shape (events, *flow.shape), noisy: draws of the flow, say.
        noise_scale: σ, in the units of x.
        condition: shape (events, *flow.cond_shape), or None for an unconditional flow.

    Returns:
        Of the shape of `x`. Events are taken in pieces, so that memory is bounded.

    Raises:
        ValueError: if a shape does not fit, `x` is not finite, or `noise_scale` is not positive and finite.

    Reference:
        "Tweedie's Formula and Selection Bias", Efron, 2011; "Normalizing Flows are Capable Generative Models", Zhai,
        Zhang, Nakkiran, Berthelot, Gu, Zheng, Chen, Bautista, Jaitly, Susskind, 2024.
    """
    require(0 < noise_scale < math.inf, "noise_scale", "positive and finite", noise_scale)
    x, condition = checked_pairs(("flow", "x", "condition"), flow, x, condition)
    size = min(len(x), max(1, TOGETHER // max(1, math.prod(flow.shape))))
    pieces = []
    for start in range(0, len(x), size):
        # The last piece is filled up: pieces of one size are compiled once.
        at = np.minimum(np.arange(start, start + size), len(x) - 1)
        noisy = as_float("x", np.moveaxis(x[at], 0, -1))
        given = jax.tree.map(lambda a, at=at: as_float("condition", np.moveaxis(a[at], 0, -1)), condition)
        clean = np.moveaxis(np.asarray(noisy + noise_scale**2 * _score(flow, noisy, given)), -1, 0)
        pieces.append(clean[: len(x) - start])
    return np.concatenate(pieces)


@compiled
def _score(flow: AbstractDistribution, x: Events, condition: ConditionTree) -> Events:
    """Return ∇ log p of each event of a batch: none depends on another, so that it is that of their sum."""
    given = embed_batch(flow, condition)
    return jax.grad(lambda x: log_prob_batch(flow, x, given).sum())(x)
