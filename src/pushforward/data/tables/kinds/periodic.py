"""Angles, hours, months."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ...._errors import require
from ....supports import Categories, Circle
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._numbers import as_numbers, of_numbers, shared

_ANGLES = {"angle", "heading", "bearing", "azimuth", "direction", "dir", "phase", "aspect", "course", "theta", "phi"}
#: Words of a name, the first and the last value of one turn that count as its values, the period, and how much of the
#: turn the values must fill.
_TURNS = (
    ({"hour", "hours", "hr"}, 0.0, 24.0, 0.5),
    ({"month", "mon", "months"}, 1.0, 12.0, 0.5),
    (_ANGLES, 0.0, 360.0, 0.5),
    (_ANGLES, -180.0, 360.0, 0.5),
    (_ANGLES, 0.0, 2 * math.pi, 0.8),
    (_ANGLES, -math.pi, 2 * math.pi, 0.8),
)
#: Points of one turn, at most, that are a category each.
_MOST = 366


@final
@dataclass(frozen=True)
class Periodic(AbstractKind):
    """Numbers on a circle, start <= x < start + period: an angle, an hour, a month.

    On equidistant points each has a probability; if both ends of the turn occur, as 0 and 360 for "calm" and "north",
    they are different points.

    Attributes:
        type: the Arrow type of the column.
        period: one turn, in the units of the column.
        start: where a turn begins.
        points: the number of equidistant points of a turn; None for a density on the circle.
        closed: whether the end of the turn is a point as well; without points, whether the seam is written as the end.
    """

    type: str = "double"
    period: float = 360.0
    start: float = 0.0
    points: int | None = None
    closed: bool = False

    name: ClassVar[str] = "periodic"
    families: ClassVar[tuple[str, ...]] = ("number",)

    def __post_init__(self) -> None:
        """Check the period."""
        require(self.period > 0, "period", "positive", self.period)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The distance from the start, or the number of the point."""
        if self.points is None:
            return (Part("", Circle(self.period)),)
        return (Part("", Categories(self.points + self.closed)),)

    @property
    def rule(self) -> str:
        """The values in words."""
        turn = f"{self.start:g} to {self.start + self.period:g}, a turn"
        return turn if self.points is None else f"{turn}, in steps of {self.period / self.points:g}"

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return distances from the start of the turn, or the numbers of the points."""
        values = as_numbers(column, name) - self.start
        if self.points is None:
            values = np.mod(values, self.period)
            # A tiny negative number rounds to a whole turn.
            return np.where(values >= self.period, 0.0, values)[:, None]
        steps = values * (self.points / self.period)
        whole = np.round(steps)
        return np.where(np.abs(steps - whole) < 1e-6, whole, steps)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the numbers of the turn in the type of the column."""
        turn = values[:, 0]
        if self.points is None:
            turn = np.where((turn == 0) & self.closed, self.period, turn)
            return of_numbers(self.start + turn, self.type)
        return of_numbers(self.start + turn * self.period / self.points, self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Periodic":
        """Return the kind with the turn that the name of a column suggests, or the period and start given."""
        turn = _turn(facts)
        start, period = (turn[1], turn[2]) if turn else (0.0, 360.0)
        if "period" in options:
            period = float(options["period"])
            start = float(options.get("start", 1.0 if facts.rows and facts.low >= 1 and facts.high == period else 0.0))
        points, closed, start = _points(facts, start, period)
        return with_options(cls(str(facts.type), period, start, points, closed), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take numbers whose name and range both suggest a turn."""
        turn = _turn(facts)
        if turn is None:
            return None
        kind = cls.of(facts)
        reason = f"the name says {turn[0]}, the numbers go from {facts.low:g} to {facts.high:g}"
        return Found(kind, f"{reason}{shared(facts) if kind.points is None else ''}", 0.8)


def _turn(facts: ColumnFacts) -> tuple[str, float, float] | None:
    """Return the word of a name, the start and the period of the turn that name and range of a column suggest."""
    if facts.family != "number" or not facts.rows:
        return None
    for words, start, period, fills in _TURNS:
        named = sorted(facts.words & words)
        if not named or facts.low < start or facts.high > start + period or facts.high - facts.low < fills * period:
            continue
        if period == 12.0 and (facts.high > 12 or not facts.whole):
            continue
        return named[0], 1.0 if period == 24.0 and facts.low >= 1 and facts.high == 24 else start, period
    return None


def _points(facts: ColumnFacts, start: float, period: float) -> tuple[int | None, bool, float]:
    """Return the number of points of a turn that hold all values, if many are alike; if it is closed; its start."""
    lattice, end = facts.lattice, start + period
    last = bool(facts.rows and facts.high == end)
    if lattice is None or facts.distinct > facts.rows / 2:
        return None, last and facts.low > start, start
    points = period / lattice.size
    aligned = abs(math.remainder((facts.low - start) / lattice.size, 1)) < 1e-9
    if points != round(points) or points > _MOST or not aligned or facts.low < start or facts.high > end:
        return None, last and facts.low > start, start
    if last and facts.low > start:  # A turn of 10, 20, ..., 360 begins at 10.
        return round(points), False, start + lattice.size
    return round(points), last, start
