"""Where bijections live: supports, and the points that the contracts try there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: The outer knots of the splines of the registry, which are among the points.
BOUND = 3.0


@dataclass(frozen=True)
class Support:
    """Where one side of a bijection lives, and what to try there.

    Attributes:
        draw: takes standard normal numbers into the support.
        near: ordinary numbers, knots and boundaries; each is also tried one unit in the last place aside.
        far: numbers so large that only finiteness and the backward error are judged.
        outside: numbers outside the support, where the inverse is finite of log-determinant -inf.
    """

    draw: Callable[[Any], Any]
    near: tuple[float, ...]
    far: tuple[float, ...] = ()
    outside: tuple[float, ...] = ()


REAL = Support(
    lambda u: 2 * u,
    (0.0, BOUND, -BOUND, BOUND / 3, -30.0, 1e-30),
    (1e6, 1e6, -1e6, -1e6),
)
#: Where an exponential of the number is taken, or its logistic.
MODERATE = Support(lambda u: 2 * u, (0.0, BOUND, -BOUND, -8.0, 1e-30))
#: Where autodiff of tanh, 1 - tanh², still has the digits to be a reference in float32.
CENTRAL = Support(lambda u: u, (0.0, 0.5, -3.0, 1e-30))
POSITIVE = Support(np.exp, (1.0, 1e-3, 100.0), (1e6, 1e-6), (0.0, -1.0, -1e6))


def interval(low: float, high: float) -> Support:
    """Return the support (low, high)."""
    middle, width = (low + high) / 2, high - low
    return Support(
        lambda u: low + width / (1 + np.exp(-u)),
        (middle, low + 1e-3 * width, high - 1e-3 * width),
        (),
        (low, high, low - 1.0, high + 1e6),
    )
