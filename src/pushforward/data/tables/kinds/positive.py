"""Positive numbers."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ....supports import Positive as PositiveNumbers
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._numbers import as_numbers, atoms_rule, of_numbers, shared

#: Words in the names of columns that may be negative although they are not so here.
_SIGNED = {"lat", "latitude", "lon", "long", "lng", "longitude", "temp", "temperature", "celsius", "fahrenheit"}
_SIGNED |= {"change", "difference", "diff", "delta", "log", "return", "returns", "balance", "profit"}


@final
@dataclass(frozen=True)
class Positive(AbstractKind):
    """Positive numbers with a density; where 0 occurs it is an atom.

    Attributes:
        type: the Arrow type of the column.
        atoms: values that many rows share, and 0, which have a probability.
    """

    type: str = "double"
    atoms: tuple[float, ...] = ()

    name: ClassVar[str] = "positive"
    families: ClassVar[tuple[str, ...]] = ("number",)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The numbers."""
        return (Part("", PositiveNumbers(), self.atoms),)

    @property
    def rule(self) -> str:
        """The values in words."""
        return atoms_rule("positive", self.atoms)

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return the numbers."""
        return as_numbers(column, name)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the numbers in the type of the column."""
        return of_numbers(values[:, 0], self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Positive":
        """Return the kind with the frequent values of a column, and 0 where it occurs, as atoms."""
        zero = {0.0} if facts.rows and facts.low == 0 else set()
        return with_options(cls(str(facts.type), tuple(sorted({*facts.atoms, *zero}))), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take numbers of which none is negative."""
        if facts.family != "number" or facts.low < 0 or facts.words & _SIGNED:
            return None
        reason = f"numbers from {facts.low:g} to {facts.high:g}, none negative, {facts.distinct:,} different"
        return Found(cls.of(facts), f"{reason}{shared(facts)}", 0.3)
