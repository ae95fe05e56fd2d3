"""Map from the line onto an interval, by the normal distribution function."""

import math
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float

from ..._errors import checked_shape
from ..._fields import FIXED
from ..._types import ArrayLike, Condition, Event, Scalar
from ...numerics.safe import into_open_interval
from ...supports import Interval
from ..onto import onto
from ._base import AbstractConstraint

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@final
class NormalCDF(AbstractConstraint):
    """Normal distribution function to an interval, f(z) = low + (high - low) Φ(z).

        log|det df/dz| = Σ log(high - low) - z² / 2 - log(2π) / 2

    It maps a standard normal to a uniform distribution. So, before this map, a density that does not vanish at the
    ends has normal tails, and a flow with a normal base fits it up to the ends. Before `Sigmoid` the same density has
    heavier tails than such a flow, and importance weights are unbounded.

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
        x = jnp.where(z < 0, self.low + width * ndtr(z), self.high - width * ndtr(-z))
        log_derivative = jnp.log(width) - 0.5 * z**2 - HALF_LOG_2PI
        return into_open_interval(x, self.low, self.high), log_derivative.sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        outside = self.codomain.outside(x)
        safe = jnp.where(outside, 0.5 * self.low + 0.5 * self.high, x)
        width = self.high - self.low
        below, above = (safe - self.low) / width, (self.high - safe) / width
        lower = below < above
        z = _quantile(jnp.where(lower, below, above))
        log_derivative = 0.5 * z**2 + HALF_LOG_2PI - jnp.log(width)
        return jnp.where(lower, z, -z), jnp.where(outside, -jnp.inf, log_derivative).sum()


# Not `Sigmoid`, because bases are normal and densities on an interval seldom vanish at its ends.
@onto.register
def _(support: Interval) -> NormalCDF:
    return NormalCDF(support.shape, support.low, support.high)


@jax.custom_jvp
def _quantile(p: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return Φ⁻¹(p) with derivative 1 / φ, which is more accurate than differentiating the approximation of Φ⁻¹."""
    return ndtri(p)


@_quantile.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    z = _quantile(*primals)
    return z, tangents[0] * jnp.exp(0.5 * z**2 + HALF_LOG_2PI)
