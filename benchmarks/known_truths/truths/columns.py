"""Densities of three to 64 columns: chains, factors, noise, scales, boxes."""

import math

import numpy as np
from scipy.special import logsumexp

from ..registry import Known, density
from ._laws import decaying_correlation, log_gaussian, log_normal


@density(1_000, name="chain_small")
@density(50_000)
def chain(rng: np.random.Generator, n: int) -> Known:
    """Eight columns, each a sine of the one before with noise: x_i = sin 2 x_{i-1} + (0.2 + 0.3 |x_{i-1}|) e_i."""
    e = rng.normal(size=(n, 8))
    x, log_p = e.copy(), log_normal(e[:, 0])
    for i in range(1, 8):
        scale = 0.2 + 0.3 * np.abs(x[:, i - 1])
        x[:, i] = np.sin(2 * x[:, i - 1]) + scale * e[:, i]
        log_p += log_normal(e[:, i], scale)
    return x, None, log_p


@density(50_000)
def gaussian_10d(rng: np.random.Generator, n: int) -> Known:
    """A Gaussian in ten dimensions, rotated at random, of condition number 1000."""
    rotation = np.linalg.qr(np.random.default_rng(7).normal(size=(10, 10)))[0]
    scales = np.sqrt(np.geomspace(1, 1e-3, 10))
    z = rng.normal(size=(n, 10))
    return (z * scales) @ rotation.T, None, log_normal(z, scales).sum(axis=1)


@density(100)
def gaussian_small(rng: np.random.Generator, n: int) -> Known:
    """A Gaussian in five dimensions; neighbors have correlation 0.6."""
    cholesky = np.linalg.cholesky(decaying_correlation(5, 0.6))
    x = rng.normal(size=(n, 5)) @ cholesky.T
    return x, None, log_gaussian(x, cholesky)


@density(20_000)
def factors(rng: np.random.Generator, n: int) -> Known:
    """64 columns, Gaussian: five factors, and noise of variance 0.5 in each column."""
    loadings = np.random.default_rng(8).normal(size=(64, 5)) / math.sqrt(5)
    cholesky = np.linalg.cholesky(loadings @ loadings.T + 0.5 * np.eye(64))
    x = rng.normal(size=(n, 64)) @ cholesky.T
    return x, None, log_gaussian(x, cholesky)


@density(200_000)
def warped_mixture(rng: np.random.Generator, n: int) -> Known:
    """Five correlated Gaussians in six dimensions, seen through sinh: modes, skewness and longer tails."""
    fixed = np.random.default_rng(9)
    centers = fixed.normal(size=(5, 6)) * 1.5
    roots = [np.linalg.cholesky(0.1 * np.eye(6) + 0.1 * a @ a.T) for a in fixed.normal(size=(5, 6, 6))]
    k = rng.integers(5, size=n)
    y = centers[k] + np.einsum("nij,nj->ni", np.stack(roots)[k], rng.normal(size=(n, 6)))
    terms = [log_gaussian(y - m, root) for m, root in zip(centers, roots, strict=True)]
    log_y = np.asarray(logsumexp(terms, axis=0)) - math.log(5)
    return np.sinh(0.8 * y) / 0.8, None, log_y - np.log(np.cosh(0.8 * y)).sum(axis=1)


@density(10_000)
def scales(rng: np.random.Generator, n: int) -> Known:
    """Seven correlated, skewed columns of scales 1e-6, 1e-4, ..., 1e6."""
    units, slope = 10.0 ** np.arange(-6, 7, 2), 0.5
    cholesky = np.linalg.cholesky(decaying_correlation(7, 0.5))
    z = rng.normal(size=(n, 7)) @ cholesky.T
    log_p = log_gaussian(z, cholesky) - (slope * z + np.log(units)).sum(axis=1)
    return units * np.expm1(slope * z) / slope, None, log_p


@density(10_000)
def twins(rng: np.random.Generator, n: int) -> Known:
    """x1 and x3 are independent and normal; x2 is x1 with noise of standard deviation 0.001."""
    x1, z, x3 = rng.normal(size=(3, n))
    return np.stack([x1, x1 + 1e-3 * z, x3], axis=1), None, log_normal(x1) + log_normal(z, 1e-3) + log_normal(x3)


@density(20_000)
def sparse(rng: np.random.Generator, n: int) -> Known:
    """Twelve columns in a mixed order; each but the first three depends on one other column, by a curve."""
    e = rng.normal(size=(n, 12))
    x, log_p = e.copy(), log_normal(e[:, :3]).sum(axis=1)
    for i in range(3, 12):
        parent = x[:, i - 3]
        x[:, i] = (np.tanh(2 * parent) if i % 2 else np.abs(parent)) + 0.25 * e[:, i]
        log_p += log_normal(e[:, i], 0.25)
    return x[:, np.random.default_rng(10).permutation(12)], None, log_p


@density(20_000)
def irrelevant(rng: np.random.Generator, n: int) -> Known:
    """Five bananas, ten columns, among twenty columns of normal noise, in a mixed order."""
    z = rng.normal(size=(n, 30))
    log_p = log_normal(z[:, :25]).sum(axis=1) + log_normal(z[:, 25:], 0.5).sum(axis=1)
    x = np.concatenate([z[:, :25], z[:, :5] ** 2 / 2 + 0.5 * z[:, 25:]], axis=1)
    return x[:, np.random.default_rng(11).permutation(30)], None, log_p


@density(10_000)
def boxes(rng: np.random.Generator, n: int) -> Known:
    """Uniform in each of four boxes in three dimensions, some of which overlap."""
    low = np.array([[-2.0, -2, -2], [-1, -1, -1], [0.5, 0.5, -2], [-2, 1, 1]])
    high = np.array([[0.0, 0, 0], [1, 1, 1], [2, 2, 2], [-1, 2, 2]])
    k = rng.integers(4, size=n)
    x = low[k] + (high - low)[k] * rng.uniform(size=(n, 3))
    inside = ((x[:, None] >= low) & (x[:, None] <= high)).all(axis=-1)
    return x, None, np.log(inside @ (1 / (high - low).prod(axis=1)) / 4)


@density(5_000)
def edges(rng: np.random.Generator, n: int) -> Known:
    """Four exponential columns with an edge at 0; the rate of each is 0.5 more than the column before."""
    x, log_p, rate = np.empty((n, 4)), np.zeros(n), np.ones(n)
    for i in range(4):
        x[:, i] = rng.exponential(size=n) / rate
        log_p += np.log(rate) - rate * x[:, i]
        rate = 0.5 + x[:, i]
    return x, None, log_p
