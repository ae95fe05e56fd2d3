"""A linear map of the channels of each pixel."""

import math
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array

from ..._errors import checked_shape, require, require_key
from ..._fields import FIXED
from ..._types import Conditions, Events, Key, Scalars
from ...numerics.products import precision
from .._base import AbstractBatchBijection


@final
class Conv1x1(AbstractBatchBijection):
    """Invertible 1 x 1 convolution: z = P L U x mixes the channels of each pixel, the last axis.

        log|det df/dz| = -(elements of an event / channels) Σ log|U_ii|,   |U_ii| = exp(d_i)

    P is a permutation, L is unit lower triangular, and the sign of each U_ii is fixed, so the map is invertible for any
    parameters. It starts at a random rotation. A density costs one product, a sample two triangular solves.

    Arguments:
        key: for the rotation.
        shape: of one event, with at least one axis.

    Raises:
        ValueError: if the shape has no axis.

    Reference:
        "Glow: Generative Flow with Invertible 1x1 Convolutions", Kingma, Dhariwal, 2018, section 3.2.
    """

    lower: Array
    upper: Array
    log_diagonal: Array
    sign: Array = eqx.field(metadata=FIXED)
    permutation: Array
    inverse_permutation: Array
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, key: Key, shape: tuple[int, ...]):
        require_key(key)
        self.shape = checked_shape(shape)
        require(len(self.shape) > 0, "shape", "of one axis at least", shape)
        channels = self.shape[-1]
        # NumPy and SciPy factor this small matrix without compiling anything.
        draw = np.asarray(jax.random.normal(key, (channels, channels)), np.float64)
        # Imported here: it takes as long to import as a third of JAX.
        import scipy.linalg

        factors: Any = scipy.linalg.lu(np.linalg.qr(draw)[0], p_indices=True)
        order, lower, upper = factors
        diagonal = np.diag(upper)
        self.lower, self.upper = jnp.asarray(np.tril(lower, -1), float), jnp.asarray(np.triu(upper, 1), float)
        self.log_diagonal = jnp.asarray(np.log(np.abs(diagonal)), float)
        self.sign = jnp.asarray(np.sign(diagonal), float)
        self.permutation = jnp.asarray(order)
        self.inverse_permutation = jnp.asarray(np.argsort(order))
        self.cond_shape = None

    def _factors(self) -> tuple[Array, Array]:
        """Return L and U."""
        lower = jnp.tril(self.lower, -1) + jnp.eye(*self.lower.shape, dtype=self.lower.dtype)
        return lower, jnp.triu(self.upper, 1) + jnp.diag(self.sign * jnp.exp(self.log_diagonal))

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        lower, upper = self._factors()
        channels = self.shape[-1]
        columns = jnp.moveaxis(z, -2, 0).reshape((channels, -1))[self.inverse_permutation]
        columns = solve_triangular(upper, solve_triangular(lower, columns, lower=True, unit_diagonal=True))
        x = jnp.moveaxis(columns.reshape((channels, *self.shape[:-1], z.shape[-1])), 0, -2)
        return x, jnp.full(z.shape[-1:], -self._log_det, x.dtype)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        lower, upper = self._factors()
        matrix = jnp.matmul(lower, upper, precision=precision())[self.permutation]
        z = jnp.einsum("ij,...jn->...in", matrix, x, precision=precision())
        return z, jnp.full(x.shape[-1:], self._log_det, z.dtype)

    @property
    def _log_det(self) -> Array:
        """The log-determinant of the inverse."""
        return math.prod(self.shape[:-1]) * self.log_diagonal.sum()
