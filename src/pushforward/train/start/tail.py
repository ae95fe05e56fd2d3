"""The part of a flow that is never trained, between what is learned and the events."""

from typing import Any

import equinox as eqx
import jax

from ..._fields import trainable
from ..._types import Event, Scalar
from ...bijections._base import AbstractBijection
from ...bijections.walk import compose, sequence
from ...distributions.pushforward import Pushforward


def split_tail(flow: Pushforward) -> tuple[Pushforward, tuple[AbstractBijection, ...]]:
    """Return the flow without the last bijections that have no trained array, and these, from base to data.

    A location and scale, a whitening and a support are such bijections. They count to the target rather than to what
    is fitted to it: learning then goes on near zero and at unit scale, and never has to invert, in floating point, a
    scale of 0.01 at a location of 500, or a logistic function near its end.
    """
    core, tail = [], []
    for part in reversed(sequence(flow.bijection)):
        # Without its last bijection a chain would be of no shape: the first part stays in any case.
        (core if core or _is_trained(part) else tail).insert(0, part)
    if not core:
        core, tail = tail[:1], tail[1:]
    return Pushforward(flow.base, compose(*core)), tuple(tail)


def through(parts: tuple[AbstractBijection, ...], event: Event) -> tuple[Event, Scalar | float]:
    """Return an event mapped through some bijections, and the log-determinant."""
    total: Scalar | float = 0.0
    for part in parts:
        event, log_det = part.forward_and_log_det(event)
        total = total + log_det
    return event, total


def _is_trained(bijection: AbstractBijection) -> bool:
    marks: list[Any] = jax.tree.leaves(eqx.filter(bijection, trainable(bijection)))
    return len(marks) > 0
