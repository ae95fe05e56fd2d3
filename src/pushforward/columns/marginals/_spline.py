"""Monotone rational-quadratic interpolation in double precision, with its inverse, continued by straight lines."""

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True)
class Monotone:
    """An increasing, continuously differentiable function through points.

    Attributes:
        x, y: strictly increasing coordinates, at least two.
        slopes: positive, at each point; beyond the outer points the function is linear.

    Reference:
        "Piecewise Rational Quadratic Interpolation to Monotonic Data", Gregory, Delbourgo, 1982.
    """

    x: np.ndarray
    y: np.ndarray
    slopes: np.ndarray

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the function and its derivative."""
        k = np.clip(np.searchsorted(self.x, x) - 1, 0, len(self.x) - 2)
        w, h = self.x[k + 1] - self.x[k], self.y[k + 1] - self.y[k]
        d0, d1, s = self.slopes[k], self.slopes[k + 1], h / w
        t = np.clip((x - self.x[k]) / w, 0, 1)
        below = s + (d0 + d1 - 2 * s) * t * (1 - t)
        y = self.y[k] + h * (s * t * t + d0 * t * (1 - t)) / below
        slope = s * s * (d1 * t * t + 2 * s * t * (1 - t) + d0 * (1 - t) ** 2) / below**2
        for outside, end in ((x < self.x[0], 0), (x > self.x[-1], -1)):
            y = np.where(outside, self.y[end] + (x - self.x[end]) * self.slopes[end], y)
            slope = np.where(outside, self.slopes[end], slope)
        return y, slope

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return the x of each y."""
        k = np.clip(np.searchsorted(self.y, y) - 1, 0, len(self.y) - 2)
        w, h = self.x[k + 1] - self.x[k], self.y[k + 1] - self.y[k]
        d0, d1, s = self.slopes[k], self.slopes[k + 1], h / w
        r = np.clip(y - self.y[k], 0, h)
        curve = r * (d0 + d1 - 2 * s)
        a, b, c = h * (s - d0) + curve, h * d0 - curve, -s * r
        t = 2 * c / (-b - np.sqrt(np.maximum(b * b - 4 * a * c, 0)))
        x = self.x[k] + np.clip(t, 0, 1) * w
        for outside, end in ((y < self.y[0], 0), (y > self.y[-1], -1)):
            x = np.where(outside, self.x[end] + (y - self.y[end]) / self.slopes[end], x)
        return x


def through(x: np.ndarray, y: np.ndarray, period: tuple[float, float] | None = None) -> Monotone:
    """Return the function through points, whose inner slopes are harmonic means of those of the pieces beside them.

    Arguments:
        x, y: strictly increasing.
        period: of x and of y, if the slopes of the first and the last point, one period apart, are to be equal.
    """
    of_pieces = np.diff(y) / np.diff(x)
    if period is not None:
        of_pieces = np.concatenate([of_pieces[-1:], of_pieces, of_pieces[:1]])
        widths = np.concatenate([np.diff(x)[-1:], np.diff(x), np.diff(x)[:1]])
        return Monotone(x, y, _between(of_pieces, widths))
    inner = _between(of_pieces, np.diff(x))
    return Monotone(x, y, np.concatenate([of_pieces[:1], inner, of_pieces[-1:]]))


def _between(slopes: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return the weighted harmonic mean of each two neighbours."""
    w, v = widths[:-1] + 2 * widths[1:], 2 * widths[:-1] + widths[1:]
    return (w + v) / (w / slopes[:-1] + v / slopes[1:])
