"""Map from all real vectors onto the Cholesky factors of correlation matrices."""

import math
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ... import supports
from ..._errors import require_count
from ..._types import Conditions, Events, Scalars
from ...numerics.safe import one_minus_sum_of_squares
from .._base import AbstractBatchBijection
from ..onto import onto
from ._base import AbstractConstraint


@final
class CorrelationCholesky(AbstractBatchBijection, AbstractConstraint):
    """Cholesky factors L of correlation matrices, by canonical partial correlations tanh z.

        L_ij = tanh(z_ij) s_ij,   s_ij² = 1 - Σ_(k<j) L_ik²,   j < i;   L_ii = s_ii
        log|det df/dz| = Σ_(j<i) log s_ij - 2 log cosh z_ij

    Event and z hold the entries below the diagonal row by row: L_10, L_20, L_21, L_30, ... z = 0 gives the identity
    matrix. `pushforward.supports.CorrelationCholesky` computes the matrices and the density of the correlations.

    A draw whose row rounds to a norm of 1 is scaled down, so that L_ii stays positive. Outside the support, where the
    squares of a row sum to 1 or more, the inverse has log-determinant -inf: the density there is zero.

    Arguments:
        size: rows of the correlation matrix, at least two; an event has size (size - 1) / 2 elements.

    Raises:
        ValueError: if `size` is not an integer of at least 2.

    Reference:
        "Generating random correlation matrices based on vines and extended onion method", Lewandowski, Kurowicka,
        Joe, 2009.
    """

    size: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, size: int):
        size = require_count("size", size, 2)
        self.size = int(size)
        self.shape = (self.size * (self.size - 1) // 2,)
        self.cond_shape = None

    @property
    def codomain(self) -> supports.CorrelationCholesky:
        """The Cholesky factors."""
        return supports.CorrelationCholesky(self.size)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        # log cosh is even, and in terms of |z| no large numbers cancel.
        far = jnp.abs(z)
        log_sech = math.log(2) - far - jax.nn.softplus(-2 * far)
        rows = self.codomain.rows(log_sech)
        # log s of each entry.
        before = self._flat(jnp.cumsum(jnp.concatenate([jnp.zeros_like(rows[:, :1]), rows[:, :-1]], axis=1), axis=1))
        x = jnp.tanh(z) * jnp.exp(before)
        # 1 - Σ x² is at least four spacings of numbers near 1 before the products are rounded, so it stays positive.
        spare = 4 * jnp.finfo(x.dtype).eps
        excess = jax.lax.stop_gradient(jnp.maximum(spare - one_minus_sum_of_squares(self.codomain.rows(x), axis=1), 0))
        x = x * (1 - 0.5 * excess[self.codomain.index()[0], 0])
        return x, (self._weights(x) * (before + log_sech)).sum(axis=0)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        rows = self.codomain.rows(x)
        last = one_minus_sum_of_squares(rows, axis=1)
        outside = self.codomain.outside(x)
        # s² after each entry is summed from the diagonal on, because subtracting from 1 would cancel digits.
        after = jax.lax.cumsum(jnp.concatenate([rows[:, 1:] ** 2, last], axis=1), axis=1, reverse=True)
        x, after = jnp.where(outside, 0.0, x), jnp.where(outside, 1.0, self._flat(after))
        # With t = tanh z, the next s² is s² (1 - t²) = (s / cosh z)², and x = s t divided by its root is sinh z.
        log_det = -0.5 * (self._weights(x) * jnp.log(after)).sum(axis=0)
        return jnp.arcsinh(x / jnp.sqrt(after)), jnp.where(outside, -jnp.inf, log_det)

    def _flat(self, rows: Float[Array, "rows columns n"]) -> Events:
        """Return the elements of rows."""
        return rows[self.codomain.index()]

    def _weights(self, like: Events) -> Float[Array, "elements 1"]:
        """Return how often log s after each entry occurs in the log-determinant: twice at the end of a row, else once.

        An entry adds log s_before + 2 log(s_after / s_before), and the s_before of the next entry is this s_after.
        """
        row, column = self.codomain.index()
        return jnp.asarray(np.where(row == column, 2, 1)[:, None], like.dtype)


@onto.register
def _(support: supports.CorrelationCholesky) -> CorrelationCholesky:
    return CorrelationCholesky(support.size)
