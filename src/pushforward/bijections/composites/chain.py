"""Composition."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax.numpy as jnp

from ..._errors import require
from ..._types import Conditions, Events, Scalars
from .._base import AbstractBijection, AbstractSequence, Part, forward_batch, inverse_batch, merge_cond_shapes


@final
class Chain(AbstractSequence):
    """Composition, in order from base to data: f(z) = f_n(... f_2(f_1(z))).

    The log-determinant is the sum of the parts'. The condition goes to every conditional part.

    Arguments:
        bijections: f_1, ..., f_n, at least one, all of one event shape.

    Raises:
        ValueError: if `bijections` is empty, or their event shapes or condition shapes differ.
    """

    bijections: tuple[AbstractBijection, ...]
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, bijections: Sequence[AbstractBijection]):
        self.bijections = tuple(bijections)
        require(len(self.bijections) > 0, "bijections", "at least one bijection", self.bijections)
        self.shape = self.bijections[0].shape
        self.cond_shape = merge_cond_shapes(self.bijections)

    def __check_init__(self) -> None:
        """Check that the parts fit together."""
        shapes = [b.shape for b in self.bijections]
        remedy = "`Reshape` changes the shape of an event, `Concatenate` joins maps of some of its elements."
        require(set(shapes) == {self.shape}, "bijections", "all of one event shape", shapes, remedy)

    def parts(self) -> tuple[Part, ...]:
        """Return the maps."""
        return tuple(Part(f"bijections[{i}]", b) for i, b in enumerate(self.bijections))

    def rebuild(self, bijections: Sequence[AbstractBijection]) -> "Chain":
        """Return the composition of `bijections`."""
        return Chain(bijections)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        total = jnp.zeros(z.shape[-1:], z.dtype)
        for b in self.bijections:
            z, log_det = forward_batch(b, z, condition)
            total = total + log_det
        return z, total

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        total = jnp.zeros(x.shape[-1:], x.dtype)
        for b in reversed(self.bijections):
            x, log_det = inverse_batch(b, x, condition)
            total = total + log_det
        return x, total
