"""Linear map parameterized by its LU factors."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array

from ..._errors import require_count
from ..._types import Condition, Event, Scalar
from ...numerics.products import precision
from ...numerics.safe import inverse_softplus
from .._base import AbstractBijection


@final
class LULinear(AbstractBijection):
    """Affine map f(z) = L U z + b, with L unit lower triangular and U upper triangular with positive diagonal.

        log|det df/dz| = Σ log U_ii,   U_ii = softplus(a_i + c) with softplus(c) = 1

    Solving costs O(dim²), as multiplying does. The positive diagonal keeps the map invertible for any
    parameters. It starts at the identity.

    Arguments:
        dim: number of elements.

    Reference:
        "Glow: Generative Flow with Invertible 1x1 Convolutions", Kingma, Dhariwal, 2018, section 3.2.
    """

    lower: Array
    upper: Array
    diagonal: Array
    bias: Array
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, dim: int):
        dim = require_count("dim", dim)
        self.lower = jnp.zeros((dim, dim))
        self.upper = jnp.zeros((dim, dim))
        self.diagonal = jnp.zeros(dim)
        self.bias = jnp.zeros(dim)
        self.shape = (dim,)
        self.cond_shape = None

    def _factors(self) -> tuple[Array, Array, Array]:
        """Return L, U and the diagonal of U."""
        diagonal = jax.nn.softplus(self.diagonal + inverse_softplus(1.0))
        lower = jnp.tril(self.lower, -1) + jnp.eye(*self.lower.shape, dtype=self.lower.dtype)
        return lower, jnp.triu(self.upper, 1) + jnp.diag(diagonal), diagonal

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        lower, upper, diagonal = self._factors()
        z = jnp.matmul(upper, z, precision=precision())
        x = jnp.matmul(lower, z, precision=precision()) + self.bias
        return x, jnp.log(diagonal).sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        lower, upper, diagonal = self._factors()
        z = solve_triangular(lower, x - self.bias, lower=True, unit_diagonal=True)
        return solve_triangular(upper, z, lower=False), -jnp.log(diagonal).sum()
