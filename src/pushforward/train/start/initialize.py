"""The first scale and shift of a flow's normalizations, from data."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..._errors import bad
from ..._types import ArrayLike
from ...bijections._base import AbstractBijection, inverse_batch
from ...bijections.composites.chain import Chain
from ...bijections.composites.concatenate import Concatenate
from ...bijections.composites.reshape import Reshape
from ...bijections.composites.squeeze import Squeeze
from ...bijections.composites.stack import Stack
from ...bijections.fitted.act_norm import ActNorm
from ...bijections.fitted.standardize_condition import StandardizeCondition
from ...distributions.pushforward import Pushforward
from ..loop.result import Flow

#: Smallest standard deviation of a channel that is scaled to one.
MIN_SCALE = 1e-3


def initialize(flow: Flow, x: ArrayLike, condition: ArrayLike | None = None) -> Flow:
    """Return `flow` with each `ActNorm` that is not fitted set by data: z has mean 0 and variance 1 in each channel.

    The events are walked from the data to the base through `Chain`, `Stack`, `Squeeze`, `Reshape`, `Concatenate` and
    `StandardizeCondition`; each normalization sees what the parts before it make of them. `pushforward.fit` does this
    with a batch of training rows, after the location and scale of the data are fitted; call it for a loop of your own.

    Arguments:
        flow: any distribution; one that is no `Pushforward` is returned unchanged.
        x: some events, shape (n, *flow.shape), with the noise that the flow will see; some hundred do.
        condition: what they are conditioned on, shape (n, *flow.cond_shape), for a conditional flow.

    Raises:
        ValueError: if the shape of x is not that of events of the flow.

    Reference:
        "Glow: Generative Flow with Invertible 1x1 Convolutions", Kingma, Dhariwal, 2018, section 3.1.
    """
    if not isinstance(flow, Pushforward) or not _is_pending(flow.bijection):
        return flow
    events = jnp.asarray(x)
    if events.shape[1:] != flow.shape or not len(events):
        raise bad("x", f"of shape (n, {', '.join(map(str, flow.shape))}), n > 0", f"`shape {events.shape}`")
    events = jnp.moveaxis(events.astype(jnp.result_type(float)), 0, -1)
    given = None if condition is None else jnp.moveaxis(jnp.asarray(condition, events.dtype), 0, -1)
    return eqx.tree_at(lambda f: f.bijection, flow, _walk(flow.bijection, events, given)[0])


def _walk(bijection: AbstractBijection, events: Any, condition: Any) -> tuple[AbstractBijection, Any]:
    """Return the bijection, initialized, and the events one part nearer the base; the batch is their last axis."""
    if not _is_pending(bijection):
        return bijection, _pulled_back(bijection, events, condition)
    if isinstance(bijection, ActNorm):
        axes = (*range(events.ndim - 2), events.ndim - 1)
        loc, scale = np.asarray(events.mean(axes)), np.asarray(events.std(axes))
        fitted = ActNorm(bijection.shape, loc, np.where(scale > MIN_SCALE, scale, 1.0), fitted=True)
        return fitted, _pulled_back(fitted, events, condition)
    if isinstance(bijection, Chain | Stack):
        parts: list[AbstractBijection] = []
        given = bijection.bijections if isinstance(bijection, Chain) else bijection.layers()
        for part in reversed(given):
            part, events = _walk(part, events, condition)
            parts.insert(0, part)
        if isinstance(bijection, Chain):
            return Chain(parts), events
        return Stack(parts, unroll=bijection.unroll, keep=bijection.keep), events
    if isinstance(bijection, Squeeze):
        inner, events = _walk(bijection.bijection, bijection.squeezed(events), condition)
        return Squeeze(inner, bijection.factor), bijection.spread(events)
    if isinstance(bijection, Reshape):
        inside = events.reshape((*bijection.bijection.shape, events.shape[-1]))
        inner, inside = _walk(bijection.bijection, inside, condition)
        return Reshape(inner, bijection.shape), inside.reshape(events.shape)
    if isinstance(bijection, Concatenate):
        split = np.cumsum([b.shape[bijection.axis] for b in bijection.bijections])[:-1]
        pieces = jnp.split(events, split, axis=bijection.axis)
        walked = [_walk(b, piece, condition) for b, piece in zip(bijection.bijections, pieces, strict=True)]
        parts = [part for part, _ in walked]
        return Concatenate(parts, bijection.axis), jnp.concatenate([e for _, e in walked], axis=bijection.axis)
    if isinstance(bijection, StandardizeCondition):
        inside = jax.vmap(bijection.standardize, in_axes=-1, out_axes=-1)(condition)
        inner, events = _walk(bijection.bijection, events, inside)
        return StandardizeCondition(inner, bijection.loc, bijection.scale, fitted=bijection.fitted), events
    return bijection, _pulled_back(bijection, events, condition)


@eqx.filter_jit
def _pulled_back(bijection: AbstractBijection, events: Any, condition: Any) -> Any:
    return inverse_batch(bijection, events, condition)[0]


def _is_pending(bijection: AbstractBijection) -> bool:
    def pending(node: Any) -> bool:
        return isinstance(node, ActNorm) and not node.fitted

    return any(pending(leaf) for leaf in jax.tree.leaves(bijection, is_leaf=lambda node: isinstance(node, ActNorm)))
