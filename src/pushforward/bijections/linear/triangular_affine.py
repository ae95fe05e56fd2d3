"""Affine map with a triangular matrix."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array

from ..._arrays import as_float
from ..._errors import require
from ..._types import ArrayLike, Condition, Event, Scalar
from ...numerics.products import precision
from ...numerics.safe import log_expm1
from .._base import AbstractBijection


@final
class TriangularAffine(AbstractBijection):
    """Affine map f(z) = A z + b with A triangular with positive diagonal; training starts from the given A and b.

        log|det df/dz| = Σ log A_ii,   A_ii = softplus(a_i)

    Arguments:
        loc: b, shape (dim,).
        matrix: A, shape (dim, dim), such as a Cholesky factor; the other triangle is not read.
        lower: whether A is lower triangular.

    Raises:
        ValueError: if a shape does not fit or the diagonal is not positive.
    """

    loc: Array
    off_diagonal: Array
    diagonal: Array
    lower: bool = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, loc: ArrayLike, matrix: ArrayLike, *, lower: bool = True):
        loc, matrix = as_float("loc", loc), as_float("matrix", matrix)
        require(loc.ndim == 1 and loc.size > 0, "loc", "a vector", f"`shape {loc.shape}`")
        square = (loc.size, loc.size)
        require(matrix.shape == square, "matrix", f"of shape {square}", f"`shape {matrix.shape}`")
        diagonal = np.diag(np.asarray(matrix))
        positive = bool(np.all(diagonal > 0) and np.all(np.isfinite(diagonal)))
        require(positive, "matrix", "of positive, finite diagonal", diagonal.tolist())
        self.loc = loc
        self.off_diagonal = jnp.tril(matrix, -1) if lower else jnp.triu(matrix, 1)
        self.diagonal = log_expm1(jnp.diag(matrix))
        self.lower = lower
        self.shape = loc.shape
        self.cond_shape = None

    def _matrix(self) -> tuple[Array, Array]:
        """Return A and its diagonal."""
        diagonal = jax.nn.softplus(self.diagonal)
        off = jnp.tril(self.off_diagonal, -1) if self.lower else jnp.triu(self.off_diagonal, 1)
        return off + jnp.diag(diagonal), diagonal

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        matrix, diagonal = self._matrix()
        return jnp.matmul(matrix, z, precision=precision()) + self.loc, jnp.log(diagonal).sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        matrix, diagonal = self._matrix()
        return solve_triangular(matrix, x - self.loc, lower=self.lower), -jnp.log(diagonal).sum()
