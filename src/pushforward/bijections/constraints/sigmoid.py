"""Map from the line onto an interval, by the logistic function."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..._errors import checked_shape
from ..._fields import FIXED
from ..._types import ArrayLike, Condition, Event, Scalar
from ...numerics.safe import into_open_interval
from ...supports import Interval
from ._base import AbstractConstraint


@final
class Sigmoid(AbstractConstraint):
    """Logistic map onto an interval, f(z) = low + (high - low) / (1 + exp(-z)).

        log|det df/dz| = Σ log(high - low) - softplus(z) - softplus(-z)
        log|det df⁻¹/dx| = Σ log(high - low) - log(x - low) - log(high - x)

    The image is the open interval, in floating point too: a value that rounds to an end is replaced by the number
    next to it. At the ends and outside, the inverse has log-determinant -inf: the density there is zero.

    Arguments:
        shape: the shape of one event.
        low, high: the ends, numbers or arrays of `shape`. They are not trained.

    Raises:
        ValueError: unless low < high, both finite.
    """

    low: Array = eqx.field(metadata=FIXED)
    high: Array = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...] = (), low: ArrayLike = 0.0, high: ArrayLike = 1.0):
        self.shape = checked_shape(shape)
        self.cond_shape = None
        ends = Interval(low, high, self.shape)
        self.low, self.high = ends.low, ends.high

    @property
    def codomain(self) -> Interval:
        """The open interval."""
        return Interval(self.low, self.high, self.shape)

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        width = self.high - self.low
        # Measured from the nearer end, x - low (or high - x) keeps its relative precision.
        x = jnp.where(z < 0, self.low + width * jax.nn.sigmoid(z), self.high - width * jax.nn.sigmoid(-z))
        log_derivative = jnp.log(width) - jax.nn.softplus(z) - jax.nn.softplus(-z)
        return into_open_interval(x, self.low, self.high), log_derivative.sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        outside = self.codomain.outside(x)
        safe = jnp.where(outside, 0.5 * self.low + 0.5 * self.high, x)
        below, above = jnp.log(safe - self.low), jnp.log(self.high - safe)
        log_derivative = jnp.log(self.high - self.low) - below - above
        return below - above, jnp.where(outside, -jnp.inf, log_derivative).sum()
