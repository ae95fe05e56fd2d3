"""Map from all real vectors onto the increasing vectors."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp

from ... import supports
from ..._errors import require_count
from ..._types import Conditions, Events, Scalars
from ...numerics.safe import log_expm1
from .._base import AbstractBatchBijection
from ..onto import onto
from ._base import AbstractConstraint


@final
class Ordered(AbstractBatchBijection, AbstractConstraint):
    """Strictly increasing vectors: the first element is free, and each gap is the softplus of an element of z.

        x_0 = z_0,   x_i = x_(i-1) + log(1 + exp(z_i)),   log|det df/dz| = -Σ_(i>0) softplus(-z_i)

    A softplus grows like z itself, so a large gap keeps the tail of z and does not overflow, as an exponential would;
    a small gap is exp(z) in both. x increases in floating point too: a gap that would be rounded off is widened to the
    spacing of numbers there. Where x does not increase, the inverse has log-determinant -inf: the density there is
    zero.

    Arguments:
        dim: elements of an event.

    Raises:
        ValueError: if `dim` is not a positive integer.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, dim: int):
        dim = require_count("dim", dim)
        self.shape = (int(dim),)
        self.cond_shape = None

    @property
    def codomain(self) -> supports.Ordered:
        """The increasing vectors."""
        return supports.Ordered(self.shape[0])

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        limits = jnp.finfo(z.dtype)

        def step(below: Scalars, gap: Scalars) -> tuple[Scalars, Scalars]:
            least = jnp.maximum(limits.eps * jnp.abs(below), limits.tiny)
            x = below + (gap + jax.lax.stop_gradient(jnp.maximum(least - gap, 0)))
            return x, x

        # A loop, since each sum must be above the one before after rounding; `cumsum` rounds sums independently.
        _, above = jax.lax.scan(step, z[0], jax.nn.softplus(z[1:]))
        return jnp.concatenate([z[:1], above]), -jax.nn.softplus(-z[1:]).sum(axis=0)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        gaps = jnp.diff(x, axis=0)
        outside = self.codomain.outside(x)
        gaps = jnp.where(outside, 1.0, gaps)
        # The derivative of log(exp(gap) - 1) is 1 / (1 - exp(-gap)).
        log_det = -jnp.log(-jnp.expm1(-gaps)).sum(axis=0)
        return jnp.concatenate([x[:1], log_expm1(gaps)]), jnp.where(outside, -jnp.inf, log_det)


@onto.register
def _(support: supports.Ordered) -> Ordered:
    return Ordered(support.shape[0])
