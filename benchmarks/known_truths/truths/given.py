"""Densities of y given c."""

import math

import numpy as np
from scipy import stats

from ..registry import Known, density
from ._laws import decaying_correlation, log_gaussian, log_normal, log_student


@density(200, name="conditional_small")
@density(50_000)
def conditional(rng: np.random.Generator, n: int) -> Known:
    """y | c ~ N(sin 3c, (0.1 + 0.3 c²)²), c ~ U(-1, 1)."""
    c = rng.uniform(-1, 1, size=(n, 1))
    z, scale = rng.normal(size=(n, 1)), 0.1 + 0.3 * c**2
    return np.sin(3 * c) + scale * z, c, log_normal(z, scale)[:, 0]


@density(5_000)
def branches(rng: np.random.Generator, n: int) -> Known:
    """y | c ~ N(c, 0.1²) or N(-c, 0.1²), each in half of the cases, c ~ U(-1, 1): two branches that cross."""
    c = rng.uniform(-1, 1, size=(n, 1))
    y = c * rng.choice([-1, 1], size=(n, 1)) + 0.1 * rng.normal(size=(n, 1))
    log_p = np.logaddexp(log_normal((y - c) / 0.1, 0.1), log_normal((y + c) / 0.1, 0.1)) - math.log(2)
    return y, c, log_p[:, 0]


@density(5_000)
def irrelevant_condition(rng: np.random.Generator, n: int) -> Known:
    """y | c ~ N(sin 2 c1, (0.3 exp(c1 / 3))²), c ~ N(0, 1) in five dimensions, four of which do not matter."""
    c = rng.normal(size=(n, 5))
    z, scale = rng.normal(size=(n, 1)), 0.3 * np.exp(c[:, :1] / 3)
    return np.sin(2 * c[:, :1]) + scale * z, c, log_normal(z, scale)[:, 0]


@density(20_000)
def twisted(rng: np.random.Generator, n: int) -> Known:
    """y in three dimensions given c in two, each element of y a curve of c and of those before it."""
    c, e = rng.uniform(-1, 1, size=(n, 2)), rng.normal(size=(n, 3))
    scale = 0.1 + 0.2 * np.abs(c[:, 1])
    y1 = c[:, 0] + 0.3 * e[:, 0]
    y2 = np.sin(2 * (c[:, 1] + y1)) + 0.2 * e[:, 1]
    y3 = c[:, 0] * y1 + y2**2 + scale * e[:, 2]
    log_p = log_normal(e[:, 0], 0.3) + log_normal(e[:, 1], 0.2) + log_normal(e[:, 2], scale)
    return np.stack([y1, y2, y3], axis=1), c, log_p


@density(5_000)
def heavy_noise(rng: np.random.Generator, n: int) -> Known:
    """y = c² + (0.1 + 0.2 |c|) e, e of Student's t with 2 degrees of freedom, c ~ N(0, 1)."""
    c, e = rng.normal(size=(n, 1)), rng.standard_t(2, size=(n, 1))
    scale = 0.1 + 0.2 * np.abs(c)
    return c**2 + scale * e, c, log_student(e, 2.0, scale)[:, 0]


@density(10_000)
def gamma_noise(rng: np.random.Generator, n: int) -> Known:
    """y | c of a gamma distribution of shape 2 + c and scale exp(-c), c ~ U(-1, 1): a bounded, skewed answer."""
    c = rng.uniform(-1, 1, size=(n, 1))
    y = rng.gamma(2 + c, np.exp(-c))
    return y, c, stats.gamma.logpdf(y, 2 + c, scale=np.exp(-c))[:, 0]


@density(5_000)
def linear(rng: np.random.Generator, n: int) -> Known:
    """Ten correlated elements of y with means that are linear in ten elements of c."""
    slopes = np.random.default_rng(12).normal(size=(10, 10)) / math.sqrt(10)
    cholesky = 0.5 * np.linalg.cholesky(decaying_correlation(10, 0.5))
    c, noise = rng.normal(size=(n, 10)), rng.normal(size=(n, 10)) @ cholesky.T
    return c @ slopes.T + noise, c, log_gaussian(noise, cholesky)
