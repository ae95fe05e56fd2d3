"""Whole numbers."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ....supports import IntegerRange
from ..facts import EXACT, ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._numbers import as_numbers, of_numbers


@final
@dataclass(frozen=True)
class Integer(AbstractKind):
    """Whole numbers, each with a probability: counts, years, ages.

    Attributes:
        type: the Arrow type of the column.
        low, high: the ends, included; None for an open end.
    """

    type: str = "int64"
    low: int | None = None
    high: int | None = None

    name: ClassVar[str] = "integer"
    families: ClassVar[tuple[str, ...]] = ("number",)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The numbers."""
        return (Part("", IntegerRange(-EXACT if self.low is None else self.low, self.high)),)

    @property
    def rule(self) -> str:
        """The values in words."""
        if self.low is None:
            return "a whole number" if self.high is None else f"a whole number up to {self.high}"
        return f"a whole number from {self.low}" + ("" if self.high is None else f" to {self.high}")

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return the numbers."""
        return as_numbers(column, name)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the numbers in the type of the column."""
        return of_numbers(values[:, 0], self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Integer":
        """Return the kind with the lower end 0, if no number of the column is negative."""
        return with_options(cls(str(facts.type), None if facts.rows and facts.low < 0 else 0), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take whole numbers."""
        if facts.family != "number" or not facts.whole:
            return None
        value, share = facts.most_common
        most = f"; {share:.0%} are {value:g}" if share > 0.2 else ""
        reason = f"whole numbers from {facts.low:g} to {facts.high:g}, {facts.distinct:,} different{most}"
        return Found(cls.of(facts), reason, 0.5)
