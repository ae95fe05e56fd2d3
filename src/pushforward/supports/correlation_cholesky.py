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
    less than 1. `factor` gives L and `correlation` gives C; `correlation_log_det` converts densities of events to
    densities of C. Correlation matrices c of shape (events, size, size) become events by

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
        """The measure that densities refer to."""
        return "lebesgue"

    @property
    def rule(self) -> str:
        """The property of every event, in words."""
        return "of rows whose squares sum to less than 1"

    def factor(self, x: ArrayLike) -> Event:
        """Return L, of shape (..., size, size), lower triangular with rows of norm 1; NaN where x is outside.

        Arguments:
            x: events, of shape (..., size (size - 1) / 2).

        Raises:
            ValueError: if the last axis does not have this length.
        """
        x = as_float("x", x)
        require(x.shape[-1:] == self.shape, "x", f"of shape (..., {self.shape[0]})", f"`shape {x.shape}`")
        below = np.tril_indices(self.size, -1)
        strict = jnp.zeros((*x.shape[:-1], self.size, self.size), x.dtype).at[(..., *below)].set(x)
        diagonal = jnp.sqrt(one_minus_sum_of_squares(strict, axis=-1))
        return strict + diagonal * jnp.eye(self.size, dtype=x.dtype)

    def correlation(self, x: ArrayLike) -> Event:
        """Return C = L Lᵀ, of shape (..., size, size), with unit diagonal.

        Arguments:
            x: events, of shape (..., size (size - 1) / 2).

        Raises:
            ValueError: if the last axis does not have this length.
        """
        factor = self.factor(x)
        product = jnp.matmul(factor, jnp.swapaxes(factor, -1, -2), precision="highest")
        return jnp.where(np.eye(self.size, dtype=bool), jnp.ones((), product.dtype), product)

    def correlation_log_det(self, x: ArrayLike) -> Event:
        """Return log|det dC/dx| = Σ_(i>0) (size - 1 - i) log L_ii, of shape (...), for C below its diagonal.

        The density of the correlation matrix in its own entries is log p(C) = log p(x) - log|det dC/dx|.

        Arguments:
            x: events, of shape (..., size (size - 1) / 2).

        Raises:
            ValueError: if the last axis does not have this length.
        """
        diagonal = jnp.diagonal(self.factor(x), axis1=-2, axis2=-1)[..., 1:]
        return (jnp.asarray(np.arange(self.size - 2, -1, -1), diagonal.dtype) * jnp.log(diagonal)).sum(axis=-1)

    def outside(self, x: Batch) -> Mask:
        """Return whether the squares of any row of each event sum to 1 or more."""
        last = one_minus_sum_of_squares(self.rows(x), axis=1)
        # Entries beyond ±1 are tested one by one, because `one_minus_sum_of_squares` is inexact for larger numbers.
        return jnp.any(last <= 0, axis=(0, 1)) | jnp.any(jnp.abs(x) >= 1, axis=0)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)

    def index(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and columns of the elements, without the first row of the matrix, which has no elements."""
        return np.tril_indices(self.size - 1)

    def rows(self, x: Batch) -> Float[Array, "rows columns *batch"]:
        """Return the rows below the diagonal of events (elements, *batch), each row filled up with zeros."""
        size = self.size - 1
        index = np.zeros((size, size), int)
        index[self.index()] = np.arange(self.shape[0])
        below = np.tri(size, dtype=bool).reshape((size, size) + (1,) * (x.ndim - 1))
        return jnp.where(below, x[index], 0.0)
