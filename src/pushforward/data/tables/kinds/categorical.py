"""Levels without order."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from jaxtyping import Float

from ...._errors import require
from ....supports import Categories
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._levels import Level, as_codes, levels_of, of_codes, shown

#: Levels kept, at most.
MOST = 256


@final
@dataclass(frozen=True)
class Categorical(AbstractKind):
    """Levels without order, such as names of towns. Rare ones beyond the 256 most frequent are pooled to one.

    Attributes:
        type: the Arrow type of the column.
        levels: the levels kept, by their numbers.
        pooled: the number of levels that are pooled; the pooled level is the last.
        unseen: what a level is that the column did not have: "impossible", of density zero, or "pooled".
    """

    type: str = "string"
    levels: tuple[Level, ...] = ("",)
    pooled: int = 0
    unseen: Literal["impossible", "pooled"] = "impossible"

    name: ClassVar[str] = "categorical"
    families: ClassVar[tuple[str, ...]] = ("text", "number", "boolean")

    def __post_init__(self) -> None:
        """Check the choice for unseen levels."""
        require(self.unseen in ("impossible", "pooled"), "unseen", '"impossible" or "pooled"', self.unseen)
        require(len(set(self.levels)) == len(self.levels) > 0, "levels", "different levels, one at least", self.levels)

    @property
    def has_pool(self) -> bool:
        """Whether there is a level for pooled ones."""
        return self.pooled > 0 or self.unseen == "pooled"

    @property
    def parts(self) -> tuple[Part, ...]:
        """The number of the level."""
        return (Part("", Categories(len(self.levels) + self.has_pool)),)

    @property
    def rule(self) -> str:
        """The levels in words."""
        return f"one of {shown(self.levels)}" + (f", or one of {self.pooled:,} rare ones" if self.pooled else "")

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return the numbers of the levels; -1 for one that was not seen and is not pooled."""
        return as_codes(column, self.levels, name, len(self.levels) if self.has_pool else -1)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the levels; "(other)" for the pooled one, a missing cell if levels are numbers."""
        return of_codes(values[:, 0], self.levels, self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Categorical":
        """Return the kind with the most frequent levels of a column; categories keep their order."""
        levels = levels_of(facts)
        kept = set(sorted(levels, key=lambda level: -facts.levels.get(level, 0))[:MOST])
        kind = cls(str(facts.type), tuple(level for level in levels if level in kept), len(levels) - len(kept))
        return with_options(kind, options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take text, and categories of any type."""
        if not facts.is_dictionary and facts.family != "text":
            return None
        kind, counts = cls.of(facts), list(facts.levels.values())
        pooled = sum(counts[MOST:])
        more = f"; the {kind.pooled:,} rarest are pooled to one, {pooled:,} rows" if kind.pooled else ""
        what = "categories" if facts.is_dictionary else "text"
        return Found(kind, f"{what} of {len(kind.levels) + kind.pooled:,} levels{more}", 0.5)
