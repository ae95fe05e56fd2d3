"""Densities of one or two columns that can be drawn: modes, ridges, edges and holes."""

import math

import numpy as np

from ..registry import Known, density
from ._laws import log_mixture, log_normal


@density(5_000)
def comb(rng: np.random.Generator, n: int) -> Known:
    """Six Gaussians on a line, each half as wide, half as heavy and half as far on as the one before.

    The "smooth comb" of "Exact Mean Integrated Squared Error", Marron, Wand, 1992.
    """
    powers = 2.0 ** np.arange(6)
    centers, scales, weights = (65 - 96 / powers) / 21, 32 / 63 / powers, 32 / powers / 63
    k = rng.choice(6, size=n, p=weights)
    x = (centers[k] + scales[k] * rng.normal(size=n))[:, None]
    return x, None, log_mixture(x, centers[:, None], scales, weights)


@density(2_000)
def exponential(rng: np.random.Generator, n: int) -> Known:
    """One column, exponential: the density is largest at its edge, 0."""
    x = rng.exponential(size=(n, 1))
    return x, None, -x[:, 0]


@density(10_000)
def steps(rng: np.random.Generator, n: int) -> Known:
    """One column, uniform on each of [-2, -1], [0, 0.25] and [1, 4], with gaps between them."""
    low, width, weights = np.array([-2.0, 0.0, 1.0]), np.array([1.0, 0.25, 3.0]), np.array([0.5, 0.3, 0.2])
    k = rng.choice(3, size=n, p=weights)
    x = low[k] + width[k] * rng.uniform(size=n)
    return x[:, None], None, np.log(weights / width)[k]


@density(50_000)
def banana(rng: np.random.Generator, n: int) -> Known:
    """x1 ~ N(0, 1), x2 ~ N(x1² / 2, 0.5²)."""
    x1, z = rng.normal(size=(2, n))
    x = np.stack([x1, x1**2 / 2 + 0.5 * z], axis=1)
    return x, None, log_normal(x1) + log_normal(z, 0.5)


@density(50_000)
def eight_gaussians(rng: np.random.Generator, n: int) -> Known:
    """Eight Gaussians of standard deviation 0.3 on a circle of radius 4."""
    angles = np.arange(8) * math.pi / 4
    centers = 4 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x = centers[rng.integers(8, size=n)] + 0.3 * rng.normal(size=(n, 2))
    return x, None, log_mixture(x, centers, 0.3, np.full(8, 1 / 8))


@density(20_000)
def grid(rng: np.random.Generator, n: int) -> Known:
    """25 Gaussians of standard deviation 0.15 on a grid of spacing 1."""
    centers = np.stack(np.meshgrid(*[np.arange(-2.0, 3.0)] * 2), axis=-1).reshape(-1, 2)
    x = centers[rng.integers(25, size=n)] + 0.15 * rng.normal(size=(n, 2))
    return x, None, log_mixture(x, centers, 0.15, np.full(25, 1 / 25))


@density(50_000)
def checkerboard(rng: np.random.Generator, n: int) -> Known:
    """Uniform on the eight black squares of a board of four by four squares of side 1."""
    row, half = rng.integers(4, size=n), rng.integers(2, size=n)
    corner = np.stack([2 * half + row % 2, row], axis=1) - 2
    return corner + rng.uniform(size=(n, 2)), None, np.full(n, -math.log(8))


@density(20_000)
def ridge(rng: np.random.Generator, n: int) -> Known:
    """x1 ~ N(0, 1), x2 ~ N(sin 3 x1, 0.01²): a ridge a hundredth as wide as it is high."""
    x1, z = rng.normal(size=(2, n))
    return np.stack([x1, np.sin(3 * x1) + 0.01 * z], axis=1), None, log_normal(x1) + log_normal(z, 0.01)


@density(10_000)
def rings(rng: np.random.Generator, n: int) -> Known:
    """Three rings of radius 1, 2 and 3 around a hole; distances from the center have standard deviation 0.08."""
    radii = np.array([1.0, 2.0, 3.0])
    # Radii below zero, twelve standard deviations away, do not occur.
    r = radii[rng.integers(3, size=n)] + 0.08 * rng.normal(size=n)
    angle = rng.uniform(0, 2 * math.pi, size=n)
    x = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
    return x, None, log_mixture(r[:, None], radii[:, None], 0.08, np.full(3, 1 / 3)) - np.log(2 * math.pi * r)


def _log_upper_moon(x: np.ndarray) -> np.ndarray:
    r = np.hypot(x[:, 0], x[:, 1])
    inside = log_normal((r - 1) / 0.1, 0.1) - np.log(math.pi * r)
    return np.where(x[:, 1] > 0, inside, -np.inf)


@density(1_000, name="two_moons_small")
@density(10_000)
def two_moons(rng: np.random.Generator, n: int) -> Known:
    """Two half circles that reach into each other; distances from their centers have standard deviation 0.1."""
    r, angle = 1 + 0.1 * rng.normal(size=n), rng.uniform(0, math.pi, size=n)
    upper = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
    other = np.array([1.0, 0.5])
    x = np.where(rng.integers(2, size=(n, 1)), upper, other - upper)
    return x, None, np.logaddexp(_log_upper_moon(x), _log_upper_moon(other - x)) - math.log(2)
