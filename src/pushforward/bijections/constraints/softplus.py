"""Map from the line onto the positive numbers, linear for large z."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp

from ..._errors import checked_shape
from ..._types import Condition, Event, Scalar
from ...numerics.safe import log_expm1
from ...supports import Positive
from ..onto import onto
from ._base import AbstractConstraint


@final
class Softplus(AbstractConstraint):
    """Softplus, f(z) = log(1 + exp(z)), onto the positive numbers, with log-determinant -Σ softplus(-z).

    It grows like z itself, so it keeps the weight of the upper tail; `Exp` makes that tail heavier. Outside the
    support (x <= 0) the inverse has log-determinant -inf: the density there is zero.

    Arguments:
        shape: the shape of one event.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...] = ()):
        self.shape = checked_shape(shape)
        self.cond_shape = None

    @property
    def codomain(self) -> Positive:
        """The positive numbers."""
        return Positive(self.shape)

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        # In the far lower tail softplus underflows to 0; the smallest normal number keeps x in the support.
        x = jnp.maximum(jax.nn.softplus(z), jnp.finfo(z.dtype).tiny)
        return x, -jax.nn.softplus(-z).sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        outside = self.codomain.outside(x)
        safe = jnp.where(outside, 1.0, x)
        # f⁻¹'(x) = 1 / (1 - exp(-x))
        return log_expm1(safe), jnp.where(outside, -jnp.inf, -jnp.log(-jnp.expm1(-safe))).sum()


@onto.register
def _(support: Positive) -> Softplus:
    return Softplus(support.shape)
