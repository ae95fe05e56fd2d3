"""Cholesky factors of correlation matrices."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arrays import as_float
from .._errors import require, require_count
from .._types import ArrayLike, Event, Whole
from ..numerics.safe import one_minus_sum_of_squares
from ._base import AbstractSimpleSupport, Batch, Mask, flat


@final
class CorrelationCholesky(AbstractSimpleSupport):
    """Cholesky factors L of correlation matrices C = L Lᵀ: lower triangular, with rows of norm 1.

    An event holds the entries below the diagonal row by row: L_10, L_20, L_21, L_30, ...; the squares of a row sum to
    less than 1. `factor` and `correlation` give the matrices, `correlation_log_det` the density of the latter. Events
    of correlation matrices c of shape (rows, size, size) are

        i, j = np.tril_indices(size, -1)
        x = np.linalg.cholesky(c)[:, i, j]

    Arguments:
        size: rows of the correlation matrix, at least two; an event has size (size - 1) / 2 elements.

    Raises:
        ValueError: if `size` is not an integer of at least 2.
    """

    size: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, size: Whole):
        require_count("size", size, 2)
        self.size = int(size)
        self.shape = (self.size * (self.size - 1) // 2,)

    @property
    def measure(self) -> str:
        """What a density is a density with respect to."""
        return "lebesgue"

    @property
    def rule(self) -> str:
        """What every event is."""
        return "of rows whose squares sum to less than 1"

    def factor(self, x: ArrayLike) -> Event:
        """Return L, of shape (..., size, size), lower triangular with rows of norm 1; NaN where x is no factor's.

        Arguments:
            x: events, of shape (..., size (size - 1) / 2).

        Raises:
            ValueError: if the last axis is not of that length.
        """
        x = as_float("x", x)
        require(x.shape[-1:] == self.shape, "x", f"of shape (..., {self.shape[0]})", f"`shape {x.shape}`")
        below = np.tril_indices(self.size, -1)
        strict = jnp.zeros((*x.shape[:-1], self.size, self.size), x.dtype).at[(..., *below)].set(x)
        diagonal = jnp.sqrt(one_minus_sum_of_squares(strict, axis=-1))
        return strict + diagonal * jnp.eye(self.size, dtype=x.dtype)

    def correlation(self, x: ArrayLike) -> Event:
        """Return C = L Lᵀ, of shape (..., size, size), of unit diagonal.

        Arguments:
            x: events, of shape (..., size (size - 1) / 2).

        Raises:
            ValueError: if the last axis is not of that length.
        """
        factor = self.factor(x)
        product = jnp.matmul(factor, jnp.swapaxes(factor, -1, -2), precision="highest")
        return jnp.where(np.eye(self.size, dtype=bool), jnp.ones((), product.dtype), product)

    def correlation_log_det(self, x: ArrayLike) -> Event:
        """Return log|det dC/dx| = Σ_(i>0) (size - 1 - i) log L_ii, of shape (...), dC the entries below the diagonal.

        The density of the correlation matrix in its own entries is log p(C) = log p(x) - log|det dC/dx|.

        Arguments:
            x: events, of shape (..., size (size - 1) / 2).

        Raises:
            ValueError: if the last axis is not of that length.
        """
        diagonal = jnp.diagonal(self.factor(x), axis1=-2, axis2=-1)[..., 1:]
        return (jnp.asarray(np.arange(self.size - 2, -1, -1), diagonal.dtype) * jnp.log(diagonal)).sum(axis=-1)

    def outside(self, x: Batch) -> Mask:
        """Return whether the squares of a row of each event sum to 1 or more."""
        last = one_minus_sum_of_squares(self.rows(x), axis=1)
        # An entry beyond ±1 is asked for by itself: the sum of squares of larger numbers is not exact.
        return jnp.any(last <= 0, axis=(0, 1)) | jnp.any(jnp.abs(x) >= 1, axis=0)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)

    def index(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and columns of the elements, without the first row of the matrix, which has none."""
        return np.tril_indices(self.size - 1)

    def rows(self, x: Batch) -> Float[Array, "rows columns *batch"]:
        """Return the rows below the diagonal of events (elements, *batch), each row ended by zeros."""
        size = self.size - 1
        index = np.zeros((size, size), int)
        index[self.index()] = np.arange(self.shape[0])
        below = np.tri(size, dtype=bool).reshape((size, size) + (1,) * (x.ndim - 1))
        return jnp.where(below, x[index], 0.0)
