"""Log-densities that several truths are made of, in nats."""

import math

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import gammaln, logsumexp


def log_normal(z: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
    """Return the log-density of scale · z for standard normal z."""
    return -0.5 * z**2 - np.log(scale) - 0.5 * math.log(2 * math.pi)


def log_student(z: np.ndarray, dof: float, scale: np.ndarray | float = 1.0) -> np.ndarray:
    """Return the log-density of scale · z for z of Student's t."""
    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * math.log(dof * math.pi)
    return constant - (dof + 1) / 2 * np.log1p(z**2 / dof) - np.log(scale)


def log_gaussian(x: np.ndarray, cholesky: np.ndarray) -> np.ndarray:
    """Return the log-density of the rows of x under a Gaussian of mean 0 and covariance `cholesky` · its transpose."""
    z = solve_triangular(cholesky, x.T, lower=True)
    return log_normal(z).sum(axis=0) - np.log(np.diag(cholesky)).sum()


def log_mixture(x: np.ndarray, centers: np.ndarray, scale: np.ndarray | float, weights: np.ndarray) -> np.ndarray:
    """Return the log-density of rows under round Gaussians: scale is a number, or has a number for each center."""
    scales = np.broadcast_to(scale, len(centers))[:, None]
    z = (x[:, None] - centers) / scales
    return np.asarray(logsumexp(log_normal(z, scales).sum(axis=-1) + np.log(weights), axis=1))


def decaying_correlation(dim: int, between_neighbors: float) -> np.ndarray:
    """Return a correlation matrix: of columns i and j, `between_neighbors` to the power |i - j|."""
    return between_neighbors ** np.abs(np.subtract.outer(np.arange(dim), np.arange(dim)))
