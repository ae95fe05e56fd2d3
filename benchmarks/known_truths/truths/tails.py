"""Densities with heavy tails."""

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import gammaln

from ..registry import Known, density
from ._laws import decaying_correlation, log_normal, log_student


def _student(rng: np.random.Generator, n: int, dim: int, dof: float) -> Known:
    cholesky = np.linalg.cholesky(decaying_correlation(dim, 0.7))
    z = rng.normal(size=(n, dim)) / np.sqrt(rng.chisquare(dof, size=(n, 1)) / dof)
    x = z @ cholesky.T
    square = (solve_triangular(cholesky, x.T, lower=True) ** 2).sum(axis=0)
    constant = gammaln((dof + dim) / 2) - gammaln(dof / 2) - dim / 2 * np.log(dof * np.pi)
    return x, None, constant - np.log(np.diag(cholesky)).sum() - (dof + dim) / 2 * np.log1p(square / dof)


@density(5_000)
def cauchy(rng: np.random.Generator, n: int) -> Known:
    """Two independent columns of Cauchy's distribution, which has no mean."""
    x = rng.standard_cauchy(size=(n, 2))
    return x, None, log_student(x, 1.0).sum(axis=1)


@density(10_000)
def student(rng: np.random.Generator, n: int) -> Known:
    """Four columns of a multivariate t with 3 degrees of freedom; neighbors have correlation 0.7."""
    return _student(rng, n, 4, 3.0)


@density(200)
def student_small(rng: np.random.Generator, n: int) -> Known:
    """Three columns of a multivariate t with 4 degrees of freedom; neighbors have correlation 0.7."""
    return _student(rng, n, 3, 4.0)


@density(20_000)
def funnel(rng: np.random.Generator, n: int) -> Known:
    """Neal's funnel with five columns: v ~ N(0, 3²), four times x ~ N(0, exp(v)).

    "Slice sampling", Neal, 2003.
    """
    v, z = 3 * rng.normal(size=(n, 1)), rng.normal(size=(n, 4))
    log_p = log_normal(v[:, 0] / 3, 3.0) + log_normal(z, np.exp(v / 2)).sum(axis=1)
    return np.concatenate([v, np.exp(v / 2) * z], axis=1), None, log_p
