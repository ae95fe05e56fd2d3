"""Real numbers."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float

from ....supports import Real
from ..facts import ArrowColumn, ColumnFacts
from ._base import AbstractKind, Found, Part, with_options
from ._numbers import as_numbers, atoms_rule, of_numbers, shared


@final
@dataclass(frozen=True)
class Continuous(AbstractKind):
    """Real numbers with a density.

    Attributes:
        type: the Arrow type of the column.
        atoms: values that many rows share, which have a probability.
    """

    type: str = "double"
    atoms: tuple[float, ...] = ()

    name: ClassVar[str] = "continuous"
    families: ClassVar[tuple[str, ...]] = ("number",)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The numbers."""
        return (Part("", Real(), self.atoms),)

    @property
    def rule(self) -> str:
        """The values in words."""
        return atoms_rule("a real number", self.atoms)

    def encode(self, column: ArrowColumn, name: str) -> Float[np.ndarray, "rows parts"]:
        """Return the numbers."""
        return as_numbers(column, name)[:, None]

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the numbers in the type of the column."""
        return of_numbers(values[:, 0], self.type)

    @classmethod
    def of(cls, facts: ColumnFacts, **options: Any) -> "Continuous":
        """Return the kind with the frequent values of a column as atoms."""
        return with_options(cls(str(facts.type), facts.atoms), options)

    @classmethod
    def infer(cls, facts: ColumnFacts) -> Found | None:
        """Take any column of numbers."""
        if facts.family != "number":
            return None
        sign = "of both signs" if facts.low < 0 < facts.high else f"from {facts.low:g} to {facts.high:g}"
        return Found(cls.of(facts), f"numbers {sign}, {facts.distinct:,} different{shared(facts)}", 0.2)
