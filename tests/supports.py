"""Supports, and the points that the contracts try there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pushforward import supports as s

#: A number, for all elements of an event or one of them, or an event.
Point = float | tuple[float, ...]
#: The outer knots of the splines of the registry, which are among the points.
BOUND = 3.0


@dataclass(frozen=True)
class Points:
    """What to try of a support, which one side of a bijection lives on.

    Attributes:
        of: the support of events of a shape.
        draw: takes standard normal numbers into the support.
        near: ordinary numbers, knots and boundaries; bijections are also tried one unit in the last place aside.
        far: numbers so large that only finiteness and the backward error are judged.
        outside: numbers outside the support, where an inverse is finite, of log-determinant -inf.
    """

    of: Callable[[tuple[int, ...]], s.AbstractSupport]
    draw: Callable[[Any], Any]
    near: tuple[Point, ...]
    far: tuple[Point, ...] = ()
    outside: tuple[Point, ...] = ()


REAL = Points(
    s.Real,
    lambda u: 2 * u,
    (0.0, BOUND, -BOUND, BOUND / 3, -30.0, 1e-30),
    (1e6, 1e6, -1e6, -1e6),
)
#: Where an exponential of the number is taken, or its logistic.
MODERATE = Points(s.Real, lambda u: 2 * u, (0.0, BOUND, -BOUND, -8.0, 1e-30))
#: Where autodiff of tanh, 1 - tanh², still has the digits to be a reference in float32.
CENTRAL = Points(s.Real, lambda u: u, (0.0, 0.5, -3.0, 1e-30))
POSITIVE = Points(s.Positive, np.exp, (1.0, 1e-3, 100.0), (1e6, 1e-6), (0.0, -1.0, -1e6))


def whole(low: int, high: int | None = None) -> Points:
    """Return the whole numbers from `low` to `high`."""
    top = low + 300 if high is None else high
    return Points(
        lambda shape: s.IntegerRange(low, high, shape),
        lambda u: low + np.floor((top - low + 1) / (1 + np.exp(-u))),
        (float(low), float(top)),
        (),
        (low - 1.0, low + 0.5, low + 1e-3) + (() if high is None else (high + 1.0,)),
    )


def categories(given: int | list[str]) -> Points:
    """Return categories, of a number or of names."""
    numbers = whole(0, (given if isinstance(given, int) else len(given)) - 1)
    return replace(numbers, of=lambda shape: s.Categories(given, shape))


def angles(period: float) -> Points:
    """Return the angles of one turn."""
    return Points(
        lambda shape: s.Circle(period, shape),
        lambda u: period / (1 + np.exp(-u)),
        (0.0, period / 3),
        (),
        (period, -1e-3, 1e6),
    )


def unit_vectors(dim: int) -> Points:
    """Return the unit vectors of `dim` + 1 elements."""
    return Points(
        lambda shape: s.Sphere(dim),
        lambda u: u / np.linalg.norm(u, axis=-1, keepdims=True),
        ((dim + 1) ** -0.5, -((dim + 1) ** -0.5)),
        (),
        (0.0, 1.0, 1e6),
    )


def either(one: Points, other: Points) -> Points:
    """Return the numbers of two supports, of which `other` lies on the far side of 0."""
    return Points(
        lambda shape: s.Union([one.of(shape), other.of(shape)]),
        lambda u: np.where(u < 0, one.draw(u), other.draw(u)),
        one.near + other.near,
        (),
        tuple(v for v in one.outside if v not in other.near and np.ndim(v) == 0),
    )


def interval(low: float, high: float) -> Points:
    """Return the support (low, high)."""
    middle, width = (low + high) / 2, high - low
    return Points(
        lambda shape: s.Interval(low, high, shape),
        lambda u: low + width / (1 + np.exp(-u)),
        (middle, low + 1e-3 * width, high - 1e-3 * width),
        (),
        (low, high, low - 1.0, high + 1e6),
    )


def simplex(dim: int) -> Points:
    """Return the first `dim` parts of a simplex."""

    def parts(u: Any) -> Any:
        return np.exp(u) / (1 + np.exp(u).sum(axis=-1, keepdims=True))

    def event(first: float, others: float) -> tuple[float, ...]:
        return (first, *[others] * (dim - 1))

    even = 1 / (dim + 1)
    return Points(
        lambda shape: s.Simplex(dim),
        parts,
        (event(even, even), event(1e-3, 1e-3), event(0.98, 0.01 / dim), event(1e-3, 0.99 / dim)),
        (event(1e-20, 1e-20), event(1e-20, even), event(even, 1e-20)),
        (event(0.0, even), event(1.0, 0.0), event(-even, even), event(1.1 / dim, 1.1 / dim), event(1e6, even)),
    )


def increasing(dim: int) -> Points:
    """Return the increasing vectors of at least two elements."""

    def add(u: Any) -> Any:
        return np.cumsum(np.concatenate([2 * u[..., :1], np.logaddexp(0, 2 * u[..., 1:])], axis=-1), axis=-1)

    def events(low: float, *gaps: float) -> tuple[Point, ...]:
        return tuple(tuple(low + gap * i for i in range(dim)) for gap in gaps)

    return Points(
        lambda shape: s.Ordered(dim),
        add,
        (*events(0.0, 1.0, 0.01, 30.0), *events(-3.0, 1.0)),
        (*events(-1e6, 1e6), *events(1e6, 1.0), *events(0.0, 1e-20)),
        events(1.0, 0.0, -1e-3, -1e6),
    )


def cholesky_factors(size: int) -> Points:
    """Return the entries below the diagonal of the Cholesky factors of correlation matrices."""
    rows = np.tril_indices(size, -1)[0]

    def normalize(u: Any) -> Any:
        # Row i is (u_i0, ..., u_i(i-1), 1), divided by its norm.
        squares = np.stack([np.where(rows == row, u**2, 0).sum(axis=-1) for row in rows], axis=-1)
        return u / np.sqrt(1 + squares)

    def event(u: float) -> tuple[float, ...]:
        return tuple(normalize(u * (-1.0) ** np.arange(len(rows))))

    return Points(
        lambda shape: s.CorrelationCholesky(size),
        normalize,
        (event(0.0), event(0.5), event(3.0), event(1e-20)),
        (event(30.0), event(-100.0)),
        (1.0, -1.0, 1e6),
    )
