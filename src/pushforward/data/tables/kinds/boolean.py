"""Yes or no."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ....supports import Categories
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._numbers import as_numbers, of_numbers


@final
@dataclass(frozen=True)
class Boolean(AbstractKind):
    """Yes or no, as booleans or as the numbers 1 and 0.

    Attributes:
        type: the Arrow type of the column.
    """

    type: str = "bool"

    name: ClassVar[str] = "boolean"
    families: ClassVar[tuple[str, ...]] = ("boolean", "number")

    @property
    def parts(self) -> tuple[Part, ...]:
        """1 for yes, 0 for no."""
        return (Part("", Categories(2)),)

    @property
    def rule(self) -> str:
        """The values in words."""
        return "true or false" if self.type == "bool" else "0 or 1"

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return 1 for yes and 0 for no."""
        return as_numbers(column, name)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return yes and no in the type of the column."""
        return of_numbers(values[:, 0], self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Boolean":
        """Return the kind."""
        return with_options(cls(str(facts.type)), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take booleans, and numbers that are 0 and 1 alone."""
        if facts.family == "boolean":
            return Found(cls.of(facts), "true or false", 1.0)
        if facts.family == "number" and facts.ties[0].tolist() == [0.0, 1.0]:
            return Found(cls.of(facts), "the numbers 0 and 1 alone", 0.9)
        return None
