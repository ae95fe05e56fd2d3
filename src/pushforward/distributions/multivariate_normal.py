"""Normal distribution with a full covariance matrix."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._arrays import as_float
from .._errors import require
from .._types import ArrayLike, Condition, Event, Key, Scalar
from ..bijections.linear.triangular_affine import TriangularAffine
from ..supports import Real
from ._base import AbstractDistribution
from .normal import StandardNormal


@final
class MultivariateNormal(AbstractDistribution):
    """Normal distribution N(loc, covariance) of a vector, stored as the map x = L z + loc with L lower triangular.

        log p(x) = -1/2 |z|² - dim/2 log 2π - Σ log L_ii,   z = L⁻¹ (x - loc)

    Arguments:
        loc: mean, shape (dim,).
        covariance: shape (dim, dim), symmetric and positive definite.

    Raises:
        ValueError: if a shape does not fit or the covariance is not symmetric positive definite.
    """

    affine: TriangularAffine
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, loc: ArrayLike, covariance: ArrayLike):
        loc, given = as_float("loc", loc), as_float("covariance", covariance)
        covariance = np.asarray(given, np.float64)
        square = (loc.size, loc.size)
        require(given.shape == square, "covariance", f"of shape {square}", f"`shape {given.shape}`")
        symmetric = bool(np.allclose(covariance, covariance.T, rtol=0, atol=1e-5 * np.abs(covariance).max()))
        require(symmetric, "covariance", "symmetric", covariance.tolist())
        eigenvalues = np.linalg.eigvalsh(covariance)
        require(bool(eigenvalues[0] > 0), "covariance", "positive definite", f"`eigenvalues {eigenvalues}`")
        self.affine = TriangularAffine(loc, jnp.asarray(np.linalg.cholesky(covariance), given.dtype))
        self.shape = loc.shape
        self.cond_shape = None

    @property
    def support(self) -> Real:
        """All real arrays."""
        return Real(self.shape)

    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        z, log_det = self.affine.inverse_and_log_det(x)
        return StandardNormal(self.shape)._log_prob(z, None) + log_det

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        z = jax.random.normal(key, self.shape, self.affine.loc.dtype)
        log_prob = StandardNormal(self.shape)._log_prob(z, None)
        x, log_det = self.affine.forward_and_log_det(z)
        return x, log_prob - log_det
