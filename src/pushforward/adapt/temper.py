"""Sampling at another temperature."""

import math

import jax.numpy as jnp

from .._errors import require
from ..bijections import Chain, Standardize
from ..distributions import Pushforward
from ..distributions.pushforward import require_pushforward


def temper(flow: Pushforward, temperature: float) -> Pushforward:
    """Return the flow with a base whose events are multiplied by a temperature T.

        x = f(T z),   z ~ base

    With T below 1, samples are more probable and less diverse; images often look better. The tempered flow has an exact
    density, which is no longer the learned density.

    Arguments:
        flow: one flow, conditional or not.
        temperature: T, positive; 1 leaves the density as it is.

    Reference:
        "Glow: Generative Flow with Invertible 1x1 Convolutions", Kingma, Dhariwal, 2018, section 6.
    """
    require(math.isfinite(temperature) and temperature > 0, "temperature", "positive and finite", temperature)
    require_pushforward(flow)
    cooled = Standardize(jnp.zeros(flow.shape), jnp.full(flow.shape, temperature))
    return Pushforward(flow.base, Chain([cooled, flow.bijection]))
