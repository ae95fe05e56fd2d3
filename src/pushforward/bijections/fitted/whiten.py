"""Correlations of the data, fitted in closed form."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._arrays import as_float
from ..._errors import require
from ..._fields import FIXED
from ..._types import ArrayLike, Condition, Event, Scalar
from ...numerics.products import precision
from .._fitted import AbstractData, AbstractFitted

#: Most elements of which a matrix of correlations is made; beyond, it would cost more than the rest of a flow.
MAX_CORRELATED = 1000
#: Smallest variance, relative to the columns', that is kept in any direction.
MIN_VARIANCE = 1e-7


@final
class Whiten(AbstractFitted):
    """Whitening as part of the density: x = L z, L lower triangular, of log-determinant Σ log L_ii.

    L is the Cholesky factor of the data's covariance (behind a `Standardize`: correlation), set once
    (`pushforward.fit` does so where `fitted` is False), saved with the model and never trained. With it a flow
    starts from the normal distribution of the data's covariance and learns what is not normal.

    Arguments:
        matrix: L, shape (dim, dim), of positive diagonal; the upper triangle is not read.
        fitted: whether it came from data; if not, `pushforward.fit` replaces it.

    Raises:
        ValueError: if the matrix is not square and finite, or its diagonal not positive.
    """

    matrix: Array = eqx.field(metadata=FIXED)
    inverse_matrix: Array = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)
    fitted: bool = eqx.field(static=True)

    def __init__(self, matrix: ArrayLike, *, fitted: bool = True):
        matrix = as_float("matrix", matrix)
        square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] > 0
        require(square, "matrix", "square", f"`shape {matrix.shape}`")
        values = np.tril(np.asarray(matrix, np.float64))
        ok = bool(np.all(np.isfinite(values)) and np.all(np.diag(values) > 0))
        require(ok, "matrix", "finite and of positive diagonal", values.tolist())
        self.matrix = jnp.asarray(values, matrix.dtype)
        self.inverse_matrix = jnp.asarray(np.tril(np.linalg.inv(values)), matrix.dtype)
        self.shape = (len(values),)
        self.cond_shape = None
        self.fitted = fitted

    @classmethod
    def unfitted(cls, dim: int) -> "Whiten":
        """Return the identity, to be replaced by the Cholesky factor of the data that it is fitted to."""
        return cls(np.eye(dim), fitted=False)

    def fit_to(self, data: AbstractData) -> "Whiten":
        """Return the Cholesky factor of the covariance, its correlations scaled down by 1 - (dim / rows)².

        That keeps it positive definite where rows are few: with no more rows than columns there are none.
        Beyond `MAX_CORRELATED` elements it stays the identity.
        """
        dim = self.shape[0]
        if dim > MAX_CORRELATED:
            return Whiten(self.matrix)
        matrix = data.covariance()
        variances = np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0)
        shrunk = np.diag(variances) + (matrix - np.diag(np.diag(matrix))) * (1 - min(1.0, dim / data.rows) ** 2)
        values, vectors = np.linalg.eigh(shrunk / np.sqrt(np.outer(variances, variances)))
        correlations = (vectors * np.maximum(values, MIN_VARIANCE)) @ vectors.T
        factor = np.sqrt(variances)[:, None] * np.linalg.cholesky(correlations)
        return Whiten(jnp.asarray(factor, jnp.result_type(self.matrix, data.dtype)))

    def inverted(self) -> "Whiten":
        """Return z = L⁻¹ x as a whitening."""
        return Whiten(self.inverse_matrix, fitted=self.fitted)

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return _product(self.matrix, z), jnp.log(jnp.diag(self.matrix)).sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        # Products instead of a triangular solve, a call to which XLA fuses nothing and which slows a step of training
        # by half; the second product takes the rounding of the first away, as a solve would.
        z = _product(self.inverse_matrix, x)
        z = z + _product(self.inverse_matrix, x - _product(self.matrix, z))
        return z, -jnp.log(jnp.diag(self.matrix)).sum()


def _product(matrix: Array, x: Event) -> Event:
    return jnp.matmul(matrix, x, precision=precision())
