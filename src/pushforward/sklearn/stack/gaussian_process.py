"""A Gaussian process whose predictions of its own rows leave each of them out."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Float
from scipy.linalg import cholesky, get_lapack_funcs
from scipy.optimize import minimize

_ROOT = np.sqrt(5.0)
#: Rows on which the sizes are found, and steps of the search.
ROWS, STEPS = 400, 50
#: Added to the variance of the noise.
JITTER = 1e-6

Rows = Float[np.ndarray, "rows columns"]


@final
@dataclass(frozen=True)
class GaussianProcess:
    """A function with the covariance of a Matérn process of order 5/2 plus a linear function, seen with noise.

        k(x, z) = a² (1 + √5 r + 5 r²/3) exp(-√5 r) + b² (xᵀz + 1),   r² = Σ_j (x_j - z_j)² / l_j²

    Attributes:
        x: standardized rows.
        y: numbers of mean about 0 and variance about 1.
        noise: of each row, relative to the others': the inverse of its weight.
        sizes: logarithms of l_1, ..., l_d, a, b and the standard deviation of the noise.

    Reference:
        "Gaussian Processes for Machine Learning", Rasmussen, Williams, 2006, sections 4.2 and 5.4.
    """

    x: Rows
    y: Float[np.ndarray, " rows"]
    noise: Float[np.ndarray, " rows"]
    sizes: Float[np.ndarray, " sizes"]

    @staticmethod
    def of(x: Rows, y: np.ndarray, weights: np.ndarray, seed: int) -> "GaussianProcess":
        """Return the process of some rows, whose sizes are likeliest for a few of them and a wide prior."""
        d, noise = x.shape[1], np.mean(weights) / weights
        some = np.random.default_rng(seed).permutation(len(x))[:ROWS]
        start = np.r_[np.full(d, 0.5 * np.log(d)), 0, -1.5, -1.5]
        bounds = [(-4, 8)] * d + [(-4, 4), (-6, 3), (-6, 2)]
        options: Any = {"maxiter": STEPS}
        arguments = (x[some], y[some], noise[some])
        found = minimize(_loss, start, arguments, method="L-BFGS-B", jac=True, bounds=bounds, options=options)
        return GaussianProcess(x, y, noise, found.x)

    def left_out(self) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
        """Return the mean and the standard deviation of each row, given all others."""
        diagonal = np.diag(self._inverse)
        return self.y - self._weights / diagonal, np.sqrt(1 / diagonal)

    def predict(self, x: Float[np.ndarray, "n columns"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Return the mean and the standard deviation of new rows."""
        smooth, line, noise = np.exp(2 * self.sizes[-3:])
        across = _covariance(x, self.x, self.sizes)
        own = smooth + line * ((x * x).sum(axis=1) + 1) + noise
        variance = own - ((across @ self._inverse) * across).sum(axis=1)
        return across @ self._weights, np.sqrt(np.maximum(variance, 0.5 * noise))

    @cached_property
    def _inverse(self) -> Float[np.ndarray, "rows rows"]:
        """The inverse of the covariance of the rows, which files do not hold."""
        covariance = _covariance(self.x, self.x, self.sizes)
        covariance[np.diag_indices(len(self.x))] += np.exp(2 * self.sizes[-1]) * self.noise + JITTER
        return _inverse_and_log_det(covariance)[0]

    @property
    def _weights(self) -> Float[np.ndarray, " rows"]:
        return self._inverse @ self.y

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_inverse"}


def _matern(x: np.ndarray, z: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances r, and exp(-√5 r)."""
    d = x.shape[1]
    a, b = x * np.exp(-sizes[:d]), z * np.exp(-sizes[:d])
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    r = np.sqrt(np.maximum(squares, 0))
    return r, np.exp(-_ROOT * r)


def _covariance(x: np.ndarray, z: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    r, decay = _matern(x, z, sizes)
    return np.exp(2 * sizes[-3]) * (1 + _ROOT * r + 5 / 3 * r * r) * decay + np.exp(2 * sizes[-2]) * (x @ z.T + 1)


def _inverse_and_log_det(covariance: np.ndarray) -> tuple[np.ndarray, float]:
    """Return both for a positive definite matrix, which is overwritten."""
    lower = cholesky(covariance, lower=True, check_finite=False, overwrite_a=True)
    log_det = 2 * float(np.log(np.diag(lower)).sum())
    (potri,) = get_lapack_funcs(("potri",), (lower,))
    inverse = np.tril(potri(lower, lower=1)[0])
    return inverse + np.tril(inverse, -1).T, log_det


def _loss(sizes: np.ndarray, x: Rows, y: np.ndarray, noise: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the negative logarithm of likelihood and prior of sizes, and its gradient."""
    n, d = x.shape
    smooth, line, spread = np.exp(2 * sizes[-3:])
    r, decay = _matern(x, x, sizes)
    curved, linear = smooth * (1 + _ROOT * r + 5 / 3 * r * r) * decay, x @ x.T + 1
    covariance = curved + line * linear
    covariance[np.diag_indices(n)] += spread * noise + JITTER
    try:
        inverse, log_det = _inverse_and_log_det(covariance)
    except np.linalg.LinAlgError:
        return 1e10, np.zeros(d + 3)
    solved = inverse @ y
    by_covariance = 0.5 * (inverse - np.outer(solved, solved))
    inner = by_covariance * (-5 / 6 * (1 + _ROOT * r) * decay) * smooth
    scaled = x * np.exp(-sizes[:d])
    gradient = np.empty(d + 3)
    gradient[:d] = -4 * (scaled * scaled * inner.sum(axis=1)[:, None] - scaled * (inner @ scaled)).sum(axis=0)
    gradient[d] = 2 * (by_covariance * curved).sum()
    gradient[d + 1] = 2 * line * (by_covariance * linear).sum()
    gradient[d + 2] = 2 * spread * (np.diag(by_covariance) * noise).sum()
    middle = np.r_[np.full(d, np.log(2.0)), 0, -1.5, -1.5]
    width = np.r_[np.full(d, 1.5), 1, 2, 2]
    off = (sizes - middle) / width
    return float(0.5 * (y @ solved + log_det + off @ off)), gradient + off / width
