"""The supports."""

from typing import Any

import numpy as np

from pushforward import bijections as b
from pushforward import supports as s

from ..supports import (
    POSITIVE,
    REAL,
    Points,
    angles,
    categories,
    cholesky_factors,
    either,
    increasing,
    interval,
    simplex,
    unit_vectors,
    whole,
)
from ._case import Case

DISCRETE = "its values are apart from each other"
SEAM = "a map of all real arrays onto it has a seam"
APART = "its parts are apart from each other"


def line(name: str, points: Points, shape: tuple[int, ...], **settings: Any) -> Case:
    """Return the line of a support, made for events of a shape."""
    return Case(name, lambda key: points.of(shape), x=points, **settings)


def _sides(u: Any) -> Any:
    return np.concatenate([u[..., :1], np.exp(u[..., 1:2]), np.sort(u[..., 2:], axis=-1)], axis=-1)


SIDES = Points(
    lambda shape: s.Product([s.Real((1,)), s.Positive((1,)), s.Ordered(2)]),
    _sides,
    ((0.0, 1.0, -1.0, 1.0),),
    (),
    ((0.0, 0.0, -1.0, 1.0), (0.0, 1.0, 1.0, 1.0), -1.0),
)
MIXED = Points(
    lambda shape: s.Product([s.Circle(360.0, (1, 2)), s.Categories(3, (1, 1))], axis=-1),
    lambda u: np.concatenate([180 + np.tanh(u[..., :2]), np.sign(u[..., 2:]) + 1], axis=-1),
    (0.0, 1.0),
    (),
    (-1.0, 3.0, 0.5),
)
SHIFTED = Points(
    lambda shape: b.Image(b.Standardize(np.ones(shape), np.full(shape, 2.0)), s.Positive(shape)),
    lambda u: 1 + 2 * np.exp(u),
    (2.0, 1.5),
    (),
    (1.0, 0.5, -1e6),
)

SUPPORTS = [
    line("Real:", REAL, (2,)),
    line("Real:scalar", REAL, ()),
    line("Positive:", POSITIVE, (2, 2)),
    line("Interval:", interval(-1.0, 3.0), (2,)),
    line("Interval:scalar", interval(0.0, 1.0), ()),
    line("Simplex:", simplex(3), (3,)),
    line("Ordered:", increasing(3), (3,)),
    line("CorrelationCholesky:", cholesky_factors(4), (6,)),
    line("IntegerRange:", whole(-2), (2,), known={"onto": DISCRETE}),
    line("IntegerRange:levels", whole(0, 255), (2, 2, 1), known={"onto": DISCRETE}),
    line("Categories:", categories(3), (2,), known={"onto": DISCRETE}),
    line("Categories:names", categories(["red", "green"]), (), known={"onto": DISCRETE}),
    line("Circle:", angles(2 * np.pi), (), known={"onto": SEAM}),
    line("Circle:torus", angles(360.0), (3,), known={"onto": SEAM}),
    line("Sphere:", unit_vectors(2), (3,), known={"onto": SEAM}),
    line("Product:", SIDES, (4,)),
    line("Product:mixed", MIXED, (1, 3), known={"onto": SEAM}),
    line("Union:", either(interval(-3.0, -1.0), interval(0.0, 1.0)), (), known={"onto": APART}),
]
#: Supports of the floor of the bijections.
IMAGES = [line("Image:", SHIFTED, (2,))]
