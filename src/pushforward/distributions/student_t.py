"""Student's t distribution."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import betaln
from jaxtyping import Array, Float

from .._types import ArrayLike, Condition, Event, Key, Scalar
from ..supports import Real
from ._base import AbstractDistribution
from ._location_scale import raw_location_scale, raw_positive


@final
class StudentT(AbstractDistribution):
    """Independent Student's t variables, which have power-law tails.

        log p(x) = Σ -(ν + 1)/2 log(1 + z²/ν) - log B(ν/2, 1/2) - 1/2 log ν - log scale,   z = (x - loc) / scale

    Arguments:
        df: ν, degrees of freedom, positive; number or array.
        loc: median, number or array.
        scale: positive, number or array. All three are trained; their broadcast shape is the shape of one event.

    Raises:
        ValueError: if `df` or a scale is not positive and finite.
    """

    raw_df: Float[Array, "..."]
    loc: Float[Array, "..."]
    raw_scale: Float[Array, "..."]
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, df: ArrayLike, loc: ArrayLike = 0.0, scale: ArrayLike = 1.0):
        raw_df = raw_positive("df", df)
        loc, raw_scale = raw_location_scale(loc, scale)
        self.raw_df, self.loc, self.raw_scale = jnp.broadcast_arrays(raw_df, loc, raw_scale)
        self.shape = self.loc.shape
        self.cond_shape = None

    @property
    def support(self) -> Real:
        """All real arrays."""
        return Real(self.shape)

    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        df, scale = jax.nn.softplus(self.raw_df), jax.nn.softplus(self.raw_scale)
        ratio = jnp.abs((x - self.loc) / scale) / jnp.sqrt(df)
        # log(1 + r²) in a form that is finite where r² overflows.
        far = ratio > 1e6
        near = jnp.where(far, 0.0, ratio)
        log_kernel = jnp.where(far, 2 * jnp.log(jnp.where(far, ratio, 1.0)), jnp.log1p(near * near))
        log_norm = betaln(df / 2, jnp.full_like(df, 0.5)) + 0.5 * jnp.log(df) + jnp.log(scale)
        return -jnp.sum((df + 1) / 2 * log_kernel + log_norm)

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        df, scale = jax.nn.softplus(self.raw_df), jax.nn.softplus(self.raw_scale)
        x = self.loc + scale * jax.random.t(key, df, self.shape, self.loc.dtype)
        return x, self._log_prob(x, None)
