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
from .._base import AbstractBijection


@final
class Whiten(AbstractBijection):
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
