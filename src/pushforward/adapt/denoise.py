"""The expected clean event given a noisy one, from the density of noisy events."""

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

#: Numbers differentiated together: a large network has hundreds of times as many intermediate results.
TOGETHER = 2**16


def denoise(
    flow: AbstractDistribution, x: ArrayLike, noise_scale: float, condition: ArrayLike | None = None
) -> Float[np.ndarray, "events ..."]:
    """Remove Gaussian noise from events by Tweedie's formula.

        x = x₀ + σ ε,   ε ~ N(0, 1):   E[x₀ | x] = x + σ² ∇ log p(x),   p the density of x, with the noise

    The formula is exact if p is the density of the noisy data. A flow fitted with noise of scale σ draws images with
    noise, which `denoise` removes; it does not restore details that the noise has hidden.

    Arguments:
        flow: p, a density fitted to data with Gaussian noise of scale `noise_scale`.
        x: noisy events, shape (events, *flow.shape), such as draws of the flow.
        noise_scale: σ, in the units of x.
        condition: shape (events, *flow.cond_shape), or None for an unconditional flow.

    Returns:
        Shape of `x`. Events are processed in pieces, so that memory is bounded.

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
        # The last piece is padded: pieces of equal size compile once.
        at = np.minimum(np.arange(start, start + size), len(x) - 1)
        noisy = as_float("x", np.moveaxis(x[at], 0, -1))
        given = jax.tree.map(lambda a, at=at: as_float("condition", np.moveaxis(a[at], 0, -1)), condition)
        clean = np.moveaxis(np.asarray(noisy + noise_scale**2 * _score(flow, noisy, given)), -1, 0)
        pieces.append(clean[: len(x) - start])
    return np.concatenate(pieces)


@compiled
def _score(flow: AbstractDistribution, x: Events, condition: ConditionTree) -> Events:
    """Return ∇ log p of each event of a batch: the gradient of their sum, since events are independent."""
    given = embed_batch(flow, condition)
    return jax.grad(lambda x: log_prob_batch(flow, x, given).sum())(x)
