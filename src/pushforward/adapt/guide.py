"""Classifier-free guidance of a flow."""

from typing import Any

import jax

from .._errors import require
from ..distributions import Pushforward
from ..networks import AbstractAutoregressiveConditioner, Guided


def guide(flow: Pushforward, weight: float) -> Pushforward:
    """Return a conditional autoregressive flow with guidance by the condition in every network.

    Samples become more typical of their class and less diverse. The guided flow has an exact density, which is no
    longer the learned density. Train the flow with `drop_condition` of `pushforward.fit`, so that its networks also
    learn to work without a condition. See `pushforward.networks.Guided`.

    Arguments:
        flow: a conditional flow with autoregressive maps, such as a `tarflow`.
        weight: 0 leaves the flow as it is; 1 to 3 are usual.

    Raises:
        ValueError: if there is no conditional autoregressive map in the flow.

    Reference:
        "Classifier-Free Diffusion Guidance", Ho, Salimans, 2022.
    """

    def found(node: Any) -> bool:
        return isinstance(node, AbstractAutoregressiveConditioner)

    networks = [node for node in jax.tree.leaves(flow, is_leaf=found) if found(node)]
    remedy = "Build it with `cond_dim`, as in pf.flows.tarflow(key, shape, cond_dim=10)."
    is_guidable = bool(networks) and all(network.cond_dim for network in networks)
    found_here = f"`{len(networks)} autoregressive maps, cond_shape {flow.cond_shape}`"
    require(is_guidable, "flow", "a conditional flow of autoregressive maps", found_here, remedy)
    return jax.tree.map(lambda node: Guided(node, weight) if found(node) else node, flow, is_leaf=found)
