"""Skewed columns that depend on each other through a copula."""

from typing import Any

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri

from ..registry import Known, density
from ._laws import decaying_correlation, log_gaussian, log_normal


@density(5_000)
def clayton(rng: np.random.Generator, n: int) -> Known:
    """Gamma, lognormal and Weibull columns under a Clayton copula of parameter 2: small values come together.

    Drawn as in "Families of multivariate distributions", Marshall, Olkin, 1988.
    """
    theta, dim = 2.0, 3
    marginals: list[Any] = [stats.gamma(0.7), stats.lognorm(0.8), stats.weibull_min(1.5)]
    u = (1 + rng.exponential(size=(n, dim)) / rng.gamma(1 / theta, size=(n, 1))) ** (-1 / theta)
    x = np.stack([m.ppf(column) for m, column in zip(marginals, u.T, strict=True)], axis=1)
    log_u = np.log(u)
    log_c = np.log1p(theta * np.arange(dim)).sum() - (theta + 1) * log_u.sum(axis=1)
    log_c -= (dim + 1 / theta) * np.log(np.exp(-theta * log_u).sum(axis=1) - dim + 1)
    return x, None, log_c + sum(m.logpdf(column) for m, column in zip(marginals, x.T, strict=True))


@density(20_000)
def skewed(rng: np.random.Generator, n: int) -> Known:
    """Gamma, lognormal, beta, Gumbel and chi-squared columns under a Gaussian copula."""
    marginals: list[Any] = [
        stats.gamma(2.0),
        stats.lognorm(1.0),
        stats.beta(0.7, 2.0),
        stats.gumbel_r(),
        stats.chi2(1.5),
    ]
    cholesky = np.linalg.cholesky(decaying_correlation(5, -0.6))
    # Inside of the unit interval, where quantiles have their digits.
    z = ndtri(np.clip(ndtr(rng.normal(size=(n, 5)) @ cholesky.T), 1e-12, 1 - 1e-12))
    x = np.stack([m.ppf(ndtr(column)) for m, column in zip(marginals, z.T, strict=True)], axis=1)
    log_c = log_gaussian(z, cholesky) - log_normal(z).sum(axis=1)
    return x, None, log_c + sum(m.logpdf(column) for m, column in zip(marginals, x.T, strict=True))


@density(500)
def lognormal_small(rng: np.random.Generator, n: int) -> Known:
    """Three correlated lognormal columns, the logarithms of standard deviation 0.5, 0.8 and 1.1."""
    scales = np.array([0.5, 0.8, 1.1])
    cholesky = np.linalg.cholesky(decaying_correlation(3, 0.6)) * scales[:, None]
    logs = rng.normal(size=(n, 3)) @ cholesky.T
    return np.exp(logs), None, log_gaussian(logs, cholesky) - logs.sum(axis=1)
