"""The log-determinant from the full Jacobian."""

import jax
import jax.numpy as jnp

from .._arrays import as_float
from .._types import ArrayLike, Scalar
from ..bijections._base import AbstractBijection


def jacobian_log_det(bijection: AbstractBijection, z: ArrayLike, condition: ArrayLike | None = None) -> Scalar:
    """Return log|det df/dz| from the full Jacobian by automatic differentiation.

    It does not use the structure of the bijection, so it is the reference for tests of all log-determinants. For n
    elements it costs n forward passes and a factorization of order n³.

    Arguments:
        bijection: f.
        z: one event, of shape `bijection.shape`.
        condition: one condition, of shape `bijection.cond_shape`; None if that is None.

    Raises:
        ValueError: if a shape is not as stated.
    """
    z = as_float("z", z)
    jacobian = jax.jacfwd(lambda event: bijection.forward(event, condition))(z)
    return jnp.linalg.slogdet(jacobian.reshape(z.size, z.size))[1]
