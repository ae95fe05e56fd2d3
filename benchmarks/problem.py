"""A density in six dimensions that is known: three modes, a bent sheet, a scale that varies, all rotated."""

import math

import numpy as np

DIM = 6
#: Log-likelihood per row, in nats below that of the truth, at which a density counts as fitted.
GAP = 0.3
_CENTERS = np.array([-2.0, 0.0, 2.5])
_WEIGHTS = np.array([0.3, 0.3, 0.4])
_ROTATION = np.linalg.qr(np.random.default_rng(1).normal(size=(DIM, DIM)))[0]


def _means_and_scales(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of u1, ..., u5, each given the elements before it."""
    a, b, c, d = u[:, 0], u[:, 1], u[:, 2], u[:, 3]
    means = np.stack([0.5 * a**2 - 1, np.sin(2 * b), 0.6 * a, 0.8 * c - 0.5 * d, 0.3 * b * c], axis=1)
    scales = np.stack([0.5 + 0 * a, 0.3 + 0 * a, np.exp(0.4 * c), 0.4 + 0 * a, 0.3 + 0.2 * np.abs(d)], axis=1)
    return means, scales


def _raw(rows: int, seed: int) -> tuple[np.ndarray, float]:
    rng = np.random.default_rng(seed)
    u = np.zeros((rows, DIM))
    u[:, 0] = _CENTERS[rng.choice(3, size=rows, p=_WEIGHTS)] + 0.4 * rng.normal(size=rows)
    z = rng.normal(size=(rows, DIM - 1))
    for i in range(1, DIM):
        means, scales = _means_and_scales(u)
        u[:, i] = means[:, i - 1] + scales[:, i - 1] * z[:, i - 1]
    modes = _WEIGHTS / 0.4 * np.exp(-0.5 * ((u[:, :1] - _CENTERS) / 0.4) ** 2)
    log_p = np.log(modes.sum(axis=1)) - np.log(scales).sum(axis=1) - 0.5 * (z**2).sum(axis=1)
    return u @ _ROTATION, float(log_p.mean()) - 0.5 * DIM * math.log(2 * math.pi)


def draw(rows: int, seed: int) -> tuple[np.ndarray, float]:
    """Return rows, in units in which 20,000 others have mean 0 and variance 1, and their mean of log p, in nats."""
    reference = _raw(20_000, 0)[0]
    x, log_p = _raw(rows, seed)
    mean, std = reference.mean(axis=0), reference.std(axis=0)
    return ((x - mean) / std).astype("f4"), log_p + float(np.log(std).sum())
