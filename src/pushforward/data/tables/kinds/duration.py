"""Durations."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ....supports import IntegerRange, Positive, Real
from ..arrow_types import type_named
from ..facts import EXACT, ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._calendar import UNITS, of_units, whole_units

#: Steps that durations may be whole numbers of, in seconds.
_STEPS = {86_400: "days", 3600: "hours", 60: "minutes", 1: "seconds"}


@final
@dataclass(frozen=True)
class Duration(AbstractKind):
    """Durations in seconds, with a density; or whole numbers of a step such as a day, each with a probability.

    Attributes:
        type: the Arrow type of the column.
        signed: whether durations may be negative.
        step: seconds that each duration is a whole number of; None for any.
        atoms: durations that many rows share, such as 0.
    """

    type: str = "duration[us]"
    signed: bool = False
    step: int | None = None
    atoms: tuple[float, ...] = ()

    name: ClassVar[str] = "duration"
    families: ClassVar[tuple[str, ...]] = ("duration",)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Seconds, or the number of steps."""
        if self.step is not None:
            return (Part(_STEPS.get(self.step, "steps"), IntegerRange(-EXACT if self.signed else 0)),)
        return (Part("seconds", Real() if self.signed else Positive(), self.atoms),)

    @property
    def rule(self) -> str:
        """The values in words."""
        words = "a duration" if self.signed else "a duration that is not negative"
        return words if self.step is None else f"{words}, of whole {_STEPS.get(self.step, f'{self.step} seconds')}"

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return seconds, or numbers of steps."""
        kind = type_named(self.type)
        units, missing = whole_units(column, kind, name)
        return np.where(missing, np.nan, units / (UNITS[kind.unit] * (self.step or 1)))[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the durations in the type of the column."""
        kind, missing = type_named(self.type), np.isnan(values[:, 0])
        scale = UNITS[kind.unit] * (self.step or 1)
        units = np.round(np.where(missing, 0.0, values[:, 0]) * scale)
        return of_units(np.clip(units, -(2.0**62), 2.0**62).astype(np.int64), missing, kind)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Duration":
        """Return the kind with the widest step that fits all durations of a column, if many are alike."""
        kind = facts.observed.type
        units, _ = whole_units(facts.observed, kind, facts.name)
        values, counts = np.unique(units, return_counts=True)
        scale = UNITS[kind.unit]
        steps = (step for step in _STEPS if not np.any(values % (step * scale)))
        step = next(steps, None) if len(values) <= len(units) / 2 else None
        zero = (0.0,) if 0 in values and step is None else ()
        many = values[counts >= max(5.0, 0.01 * len(units))] / scale if step is None else np.zeros(0)
        return with_options(
            cls(str(kind), bool(np.any(values < 0)), step, tuple(sorted({*many.tolist(), *zero}))), options
        )

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take durations."""
        if facts.family != "duration":
            return None
        kind = cls.of(facts)
        return Found(kind, kind.rule.removeprefix("a ").replace("duration", "durations"), 1.0)
