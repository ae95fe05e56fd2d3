"""Where bijections live: supports, and the points that the contracts try there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: A number, for all elements of an event or one of them, or an event.
Point = float | tuple[float, ...]
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
    near: tuple[Point, ...]
    far: tuple[Point, ...] = ()
    outside: tuple[Point, ...] = ()


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


def simplex(dim: int) -> Support:
    """Return the first `dim` parts of a simplex."""

    def parts(u: Any) -> Any:
        return np.exp(u) / (1 + np.exp(u).sum(axis=-1, keepdims=True))

    def event(first: float, others: float) -> tuple[float, ...]:
        return (first, *[others] * (dim - 1))

    even = 1 / (dim + 1)
    return Support(
        parts,
        (event(even, even), event(1e-3, 1e-3), event(0.98, 0.01 / dim), event(1e-3, 0.99 / dim)),
        (event(1e-20, 1e-20), event(1e-20, even), event(even, 1e-20)),
        (event(0.0, even), event(1.0, 0.0), event(-even, even), event(1.1 / dim, 1.1 / dim), event(1e6, even)),
    )


def increasing(dim: int) -> Support:
    """Return the increasing vectors of at least two elements."""

    def add(u: Any) -> Any:
        return np.cumsum(np.concatenate([2 * u[..., :1], np.logaddexp(0, 2 * u[..., 1:])], axis=-1), axis=-1)

    def events(low: float, *gaps: float) -> tuple[Point, ...]:
        return tuple(tuple(low + gap * i for i in range(dim)) for gap in gaps)

    return Support(
        add,
        (*events(0.0, 1.0, 0.01, 30.0), *events(-3.0, 1.0)),
        (*events(-1e6, 1e6), *events(1e6, 1.0), *events(0.0, 1e-20)),
        events(1.0, 0.0, -1e-3, -1e6),
    )


def cholesky_factors(size: int) -> Support:
    """Return the entries below the diagonal of the Cholesky factors of correlation matrices."""
    rows = np.tril_indices(size, -1)[0]

    def normalize(u: Any) -> Any:
        # Row i is (u_i0, ..., u_i(i-1), 1), divided by its norm.
        squares = np.stack([np.where(rows == row, u**2, 0).sum(axis=-1) for row in rows], axis=-1)
        return u / np.sqrt(1 + squares)

    def event(u: float) -> tuple[float, ...]:
        return tuple(normalize(u * (-1.0) ** np.arange(len(rows))))

    return Support(
        normalize,
        (event(0.0), event(0.5), event(3.0), event(1e-20)),
        (event(30.0), event(-100.0)),
        (1.0, -1.0, 1e6),
    )
