"""Correlations of the data, fitted in closed form."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._arrays import as_float
from ..._errors import require
from ..._fields import FIXED
from ..._types import ArrayLike, Condition, Event, Scalar
from ...numerics.products import precision
from .._fitted import AbstractData, AbstractFitted, require_set_or_identity, unmoved
from ..elementwise.identity import Identity

#: The most elements for which a correlation matrix is computed; a larger one would cost more than the rest of a flow.
MAX_CORRELATED = 1000
#: The smallest variance in any direction, relative to the variances of the columns.
MIN_VARIANCE = 1e-7


@final
class Whiten(AbstractFitted):
    """Whitening as part of the density: x = L z, L lower triangular, with log-determinant Σ log L_ii.

    L is the Cholesky factor of the data's covariance (of their correlation, if a `Standardize` lies between this map
    and the data). `pushforward.fit` sets it once, where `fitted` is False; it is saved with the model and never
    trained. With it a flow starts from the normal distribution with the data's covariance and learns the non-normal
    rest.

    Arguments:
        matrix: L, shape (dim, dim), with positive diagonal; the upper triangle is not read.
        fitted: whether L came from data; if not, it is the identity, which `pushforward.fit` replaces.

    Raises:
        ValueError: if the matrix is not square and finite, its diagonal is not positive, or it is neither fitted nor
            the identity.
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
        require_set_or_identity(fitted, np.array_equal(values, np.eye(len(values))))
        self.matrix = jax.device_put(values.astype(matrix.dtype))
        self.inverse_matrix = jax.device_put(np.tril(np.linalg.inv(values)).astype(matrix.dtype))
        self.shape = (len(values),)
        self.cond_shape = None
        self.fitted = fitted

    @classmethod
    def unfitted(cls, dim: int) -> "Whiten":
        """Return the identity, which fitting replaces by the Cholesky factor of the data's covariance."""
        return cls(np.eye(dim, dtype=jnp.result_type(float)), fitted=False)

    def fit_to(self, data: AbstractData) -> "Whiten | Identity":
        """Return the map by the Cholesky factor of the covariance, with correlations scaled by 1 - (dim / rows)².

        The scaling keeps the covariance positive definite where rows are few: with no more rows than columns, all
        correlations are zero. Beyond `MAX_CORRELATED` elements this is an `Identity`, at no cost.
        """
        dim = self.shape[0]
        if dim > MAX_CORRELATED:
            return Identity(self.shape)
        matrix = data.covariance()
        variances = np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0)
        shrunk = np.diag(variances) + (matrix - np.diag(np.diag(matrix))) * (1 - min(1.0, dim / data.rows) ** 2)
        values, vectors = np.linalg.eigh(shrunk / np.sqrt(np.outer(variances, variances)))
        correlations = (vectors * np.maximum(values, MIN_VARIANCE)) @ vectors.T
        factor = np.sqrt(variances)[:, None] * np.linalg.cholesky(correlations)
        return Whiten(factor.astype(jnp.result_type(self.matrix, data.dtype)))

    def inverted(self) -> "Whiten":
        """Return z = L⁻¹ x as a whitening."""
        return Whiten(self.inverse_matrix, fitted=self.fitted)

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        if not self.fitted:
            return unmoved(z, self.matrix)
        return _product(self.matrix, z), jnp.log(jnp.diag(self.matrix)).sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        if not self.fitted:
            return unmoved(x, self.matrix)
        # XLA fuses nothing into a triangular solve, which slows a training step by half, so products stand in for it.
        # The second product removes the rounding error of the first, as a solve would.
        z = _product(self.inverse_matrix, x)
        z = z + _product(self.inverse_matrix, x - _product(self.matrix, z))
        return z, -jnp.log(jnp.diag(self.matrix)).sum()


def _product(matrix: Array, x: Event) -> Event:
    return jnp.matmul(matrix, x, precision=precision())
