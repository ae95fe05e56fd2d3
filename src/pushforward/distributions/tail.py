"""The tail of a flow: the untrained bijections next to the events."""

from typing import Any

import equinox as eqx
import jax

from .._fields import trainable
from .._types import Event, Scalar
from ..bijections._base import AbstractBijection
from ..bijections.walk import compose, sequence
from .pushforward import Pushforward


def split_tail(flow: Pushforward) -> tuple[Pushforward, tuple[AbstractBijection, ...]]:
    """Return the flow without its last bijections that have no trained arrays, and these bijections, base to data.

    A location and scale, a whitening and a support are such bijections. The fit treats them as part of the target: the
    trained part then works near zero and at unit scale, and the fit never has to invert, in floating point, a scale of
    0.01 at a location of 500, or a logistic function near its limits.
    """
    core, tail = [], []
    for part in reversed(sequence(flow.bijection)):
        # The shape of a chain comes from its bijections, so the first bijection always stays.
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
