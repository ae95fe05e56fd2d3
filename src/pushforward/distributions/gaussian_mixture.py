"""Mixtures of Gaussians of full covariance, conditional ones among them."""

import math
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from .._arrays import as_float
from .._errors import bad, require, require_count
from .._types import ArrayLike, Conditions, ConditionTree, Events, Keys, Scalars, Whole
from ..numerics.products import precision
from ..supports import Real
from ._base import AbstractBatchDistribution

_LOG_2PI = math.log(2 * math.pi)


@final
class GaussianMixture(AbstractBatchDistribution):
    """A mixture of K Gaussians of full covariance, of x alone or of (condition, x) conditioned on its first elements.

        p(x) = Σ_k w_k N(x; m_k, L_k L_kᵀ)

    With a condition c, w_k, m_k and L_k are those of the joint vector (c, x), and the density is the exact conditional,

        p(x | c) = Σ_k w_k(c) N(x; m_k(c), L_xx L_xxᵀ),   w_k(c) ∝ w_k N(c; m_c, L_cc L_ccᵀ),
        m_k(c) = m_x + L_xc z_c,   z_c = L_cc⁻¹ (c - m_c),

    with L_cc, L_xc and L_xx the blocks of L_k. The weights w = softmax(logits), the locations and the triangular
    factors L_k, of diagonal exp(log_diagonal), are trained.

    Log-densities are finite up to 1e15 standard deviations and more; farther out (float32) they stay at what they are
    there.

    Arguments:
        weights: w_k, positive, of any sum, shape (K,).
        locs: m_k, shape (K, cond_dim + dim); the condition comes first.
        covariances: L_k L_kᵀ, shape (K, cond_dim + dim, cond_dim + dim), symmetric and positive definite.
        cond_dim: elements of the condition, 0 for none.
        factors: L_k, lower triangular with positive diagonal, in place of `covariances`; the other triangle is not
            read.

    Raises:
        ValueError: if a shape does not fit, a number is not finite, a weight or a diagonal is not positive, a
            covariance is not symmetric positive definite, or not one of `covariances` and `factors` is given.

    Reference:
        "Pattern Recognition and Machine Learning", Bishop, 2006, sections 2.3 and 9.2.
    """

    logits: Float[Array, " count"]
    locs: Float[Array, "count joint"]
    off_diagonal: Float[Array, "count joint joint"]
    log_diagonal: Float[Array, "count joint"]
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(
        self,
        weights: ArrayLike,
        locs: ArrayLike,
        covariances: ArrayLike | None = None,
        cond_dim: Whole = 0,
        *,
        factors: ArrayLike | None = None,
    ):
        cond_dim = require_count("cond_dim", cond_dim, 0)
        self.locs = as_float("locs", locs)
        rule = f"of shape (components, dim), at least one component and {cond_dim + 1} columns"
        ok = self.locs.ndim == 2 and len(self.locs) > 0 and self.locs.shape[1] > cond_dim
        require(ok, "locs", rule, f"`shape {self.locs.shape}`", "The condition comes first, then x.")
        require(bool(np.all(np.isfinite(self.locs))), "locs", "finite", locs)
        count, joint = self.locs.shape
        given = as_float("weights", weights)
        ok = given.shape == (count,) and bool(np.all(np.isfinite(given)) and np.all(np.asarray(given) > 0))
        require(ok, "weights", f"{count} positive, finite numbers", weights, "Leave out components of weight zero.")
        values = np.asarray(given)
        self.logits = jax.device_put(np.log(values / values.sum()).astype(self.locs.dtype))
        if (covariances is None) == (factors is None):
            which = "neither" if factors is None else "both"
            raise bad("covariances", "given, or `factors` in its place", f"`{which}`")
        shape = (count, joint, joint)
        lower = _cholesky(covariances, shape) if factors is None else _checked("factors", factors, shape)
        diagonal = np.diagonal(lower, axis1=1, axis2=2)
        require(bool(np.all(diagonal > 0)), "factors", "of positive diagonal", diagonal.tolist())
        self.off_diagonal = jax.device_put(np.tril(lower, -1).astype(self.locs.dtype))
        self.log_diagonal = jax.device_put(np.log(diagonal).astype(self.locs.dtype))
        self.shape = (joint - cond_dim,)
        self.cond_shape = (cond_dim,) if cond_dim else None

    @property
    def support(self) -> Real:
        """All real vectors."""
        return Real(self.shape)

    @property
    def _cond_dim(self) -> int:
        return self.cond_shape[0] if self.cond_shape else 0

    def _factors(self) -> Float[Array, "count joint joint"]:
        unit = jnp.eye(self.locs.shape[1], dtype=self.locs.dtype)
        return jnp.tril(self.off_diagonal, -1) + jnp.exp(self.log_diagonal)[:, :, None] * unit

    def _whitened(self, vectors: Events, size: int) -> Float[Array, "count size n"]:
        """Return z = L⁻¹ (v - m) of the first `size` elements of the joint vector, for each component."""
        factors, locs = self._factors()[:, :size, :size], self.locs[:, :size]
        unit = jnp.broadcast_to(jnp.eye(size, dtype=factors.dtype), factors.shape)
        inverse = solve_triangular(factors, unit, lower=True)
        # All components in one product, whose derivatives are products too: a sum over components of the derivatives
        # of K differences is slow (see `numerics.reductions`). Vectors are taken from the middle of the mixture, in
        # units of its largest component, so that they lose no digits that their own rounding has not lost.
        middle = jax.lax.stop_gradient(jnp.matmul(jax.nn.softmax(self.logits), locs, precision=precision()))
        scale = jax.lax.stop_gradient(jnp.abs(factors).max(axis=(0, 2)))
        # Bounds whose squares are finite, for numbers far out, whose products would be infinite and differ by NaN.
        far = 1e-2 * math.sqrt(float(jnp.finfo(factors.dtype).max))
        near = jnp.clip((vectors - middle[:, None]) / scale[:, None], -1e-2 * far, 1e-2 * far)
        rows = (inverse * scale).reshape((-1, size))
        offset = jnp.matmul(inverse, (locs - middle)[:, :, None], precision=precision())
        z = jnp.matmul(rows, near, precision=precision()).reshape((len(locs), size, -1)) - offset
        return jnp.clip(z, -far, far)

    def _log_normal(self, z: Float[Array, "count size n"], start: int) -> Float[Array, "count n"]:
        """Return log N of each component over the elements of the joint vector from `start`, whitened."""
        size = z.shape[1]
        log_det = self.log_diagonal[:, start : start + size].sum(axis=1)
        return -0.5 * jnp.sum(z * z, axis=1) - (log_det + 0.5 * size * _LOG_2PI)[:, None]

    def _log_weights(self, z: Float[Array, "count size n"]) -> Float[Array, "count n"]:
        """Return log w_k(c), given the whitened condition, of size 0 if there is none."""
        logits = jnp.broadcast_to(self.logits[:, None], (len(self.logits), z.shape[-1]))
        return jax.nn.log_softmax(logits + self._log_normal(z, 0) if self._cond_dim else logits, axis=0)

    def _log_prob_batch(self, x: Events, condition: ConditionTree) -> Scalars:
        given = self._cond_dim
        vectors = jnp.concatenate([condition, x]) if given else x
        z = self._whitened(vectors, len(vectors))
        each = self._log_weights(z[:, :given]) + self._log_normal(z[:, given:], given)
        return jax.nn.logsumexp(each, axis=0)

    def _sample_and_log_prob_batch(self, keys: Keys, condition: ConditionTree) -> tuple[Events, Scalars]:
        x = self._draw(keys, condition)
        return x, self._log_prob_batch(x, condition)

    def _draw(self, keys: Keys, condition: Conditions) -> Events:
        given, (dim,), dtype = self._cond_dim, self.shape, self.locs.dtype
        for_choice, for_draw = jnp.moveaxis(jax.vmap(jax.random.split)(keys), 1, 0)
        noise = jax.vmap(lambda key: jax.random.normal(key, (dim,), dtype))(for_draw).T
        factors, locs = self._factors()[:, given:], self.locs[:, given:, None]
        rows = factors[:, :, given:].reshape((-1, dim))
        each = jnp.matmul(rows, noise, precision=precision()).reshape((-1, dim, len(keys))) + locs
        if condition is None:
            log_weights = self._log_weights(each[:, :0])
        else:
            z = self._whitened(condition, given)
            each = each + jnp.matmul(factors[:, :, :given], z, precision=precision())
            log_weights = self._log_weights(z)
        chosen = jax.vmap(jax.random.categorical, in_axes=(0, 1))(for_choice, log_weights)
        return jnp.take_along_axis(each, chosen[None, None], axis=0)[0]


def _checked(name: str, given: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of finite numbers in float64, in which a Cholesky factor keeps the digits that it needs."""
    found = as_float(name, given).shape
    require(found == shape, name, f"of shape {shape}", f"`shape {found}`")
    array = np.asarray(given, np.float64)
    require(bool(np.all(np.isfinite(array))), name, "finite", array.tolist())
    return array


def _cholesky(given: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    covariances = _checked("covariances", given, shape)
    largest = np.abs(covariances).max(axis=(1, 2), keepdims=True)
    wrong = np.abs(covariances - covariances.swapaxes(1, 2)) > 1e-5 * largest
    require(not wrong.any(), "covariances", "symmetric", covariances.tolist())
    eigenvalues = np.linalg.eigvalsh(covariances)
    ok = bool(np.all(eigenvalues > 0))
    require(ok, "covariances", "positive definite", f"`eigenvalues {eigenvalues.tolist()}`")
    return np.linalg.cholesky(covariances)
