"""Levels with an order."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ...._errors import require
from ....supports import IntegerRange
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._levels import Level, as_codes, levels_of, of_codes, shown


@final
@dataclass(frozen=True)
class Ordinal(AbstractKind):
    """Levels with an order, such as low, medium, high.

    Attributes:
        type: the Arrow type of the column.
        levels: the levels in their order.
    """

    type: str = "string"
    levels: tuple[Level, ...] = ("",)

    name: ClassVar[str] = "ordinal"
    families: ClassVar[tuple[str, ...]] = ("text", "number", "boolean")

    def __post_init__(self) -> None:
        """Check the levels."""
        require(len(set(self.levels)) == len(self.levels) > 0, "levels", "different levels, one at least", self.levels)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The place of the level."""
        return (Part("", IntegerRange(0, len(self.levels) - 1), named=True),)

    @property
    def rule(self) -> str:
        """The levels in words."""
        return f"one of {shown(self.levels)}, in this order"

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return the places of the levels; -1 for another level."""
        return as_codes(column, self.levels, name, -1)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the levels."""
        return of_codes(values[:, 0], self.levels, self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Ordinal":
        """Return the kind with the levels given; by default those of the column, as its categories or sorted."""
        return with_options(cls(str(facts.type), tuple(levels_of(facts))), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take ordered categories."""
        import pyarrow as pa

        if not pa.types.is_dictionary(facts.type) or not facts.type.ordered:
            return None
        kind = cls.of(facts)
        return Found(kind, f"ordered categories, {len(kind.levels)} levels", 1.0)
