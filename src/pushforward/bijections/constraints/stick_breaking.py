"""Map from all real vectors onto a simplex."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ... import supports
from ..._errors import require_count
from ..._types import Conditions, Events, Scalars
from ...numerics.safe import one_minus_sum
from .._base import AbstractBatchBijection
from ..onto import onto
from ._base import AbstractConstraint


@final
class StickBreaking(AbstractBatchBijection, AbstractConstraint):
    """Stick-breaking onto the open simplex of dim + 1 parts; the event holds the first dim of them.

        v_i = 1 / (1 + (dim - i) exp(-z_i)),   x_i = v_i (1 - x_0 - ... - x_(i-1)),   i = 0, ..., dim - 1
        log|det df/dz| = Σ log x_i over all dim + 1 parts,   x_dim = 1 - x_0 - ... - x_(dim-1)

    Part i is the share v_i of the remainder that the parts before it leave. z = 0 gives equal parts. The map is square,
    so densities are with respect to dx_0 ... dx_(dim-1), like a Dirichlet density. `pushforward.supports.Simplex`
    adds the last part and states its accuracy.

    A draw whose parts round to a sum of 1 is scaled into the simplex. Outside it, where a part is not positive, the
    inverse has log-determinant -inf: the density there is zero.

    Arguments:
        dim: elements of an event, one less than the number of parts.

    Raises:
        ValueError: if `dim` is not a positive integer.

    Reference:
        "Stan Reference Manual", Stan Development Team, 2024, section "Unit simplex".
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, dim: int):
        dim = require_count("dim", dim)
        self.shape = (int(dim),)
        self.cond_shape = None

    @property
    def codomain(self) -> supports.Simplex:
        """The open simplex."""
        return supports.Simplex(self.shape[0])

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        after = self._after(z)
        logit = z - jnp.log(after)
        log_taken, log_left = -jax.nn.softplus(-logit), -jax.nn.softplus(logit)
        log_before = jnp.cumsum(log_left, axis=0)[:-1]
        x = jnp.exp(log_taken + jnp.concatenate([jnp.zeros_like(z[:1]), log_before]))
        limits = jnp.finfo(z.dtype)
        # Before the product is rounded, the last part is at least the spacing of numbers near 1, so it stays positive.
        excess = jax.lax.stop_gradient(jnp.maximum(limits.eps - one_minus_sum(x, axis=0), 0))
        x = jnp.maximum(x * (1 - excess), limits.tiny)
        # The logarithm of each part after i contains log(1 - v_i).
        return x, (log_taken + after * log_left).sum(axis=0)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        parts = jnp.concatenate([x, one_minus_sum(x, axis=0)])
        outside = self.codomain.outside(x)
        parts = jnp.where(outside, 1 / len(parts), parts)
        # The remainder after part i is summed from the last part on, because subtracting from 1 would cancel digits.
        left = jax.lax.cumsum(parts, axis=0, reverse=True)[1:]
        log = jnp.log(parts)
        z = log[:-1] - jnp.log(left) + jnp.log(self._after(x))
        return z, jnp.where(outside, -jnp.inf, -log.sum(axis=0))

    def _after(self, like: Events) -> Float[Array, "dim 1"]:
        """Return the number of parts after part i, dim - i, in shape (dim, 1)."""
        return jnp.asarray(np.arange(self.shape[0], 0, -1)[:, None], like.dtype)


@onto.register
def _(support: supports.Simplex) -> StickBreaking:
    return StickBreaking(support.shape[0])
