"""One column of a schema: what it means, and its cells as numbers and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float

from ..._errors import bad
from .arrow_types import family, type_named
from .kinds import AbstractKind, Continuous, kind_from_json
from .spelling import ArrowColumn, Spelling, write_texts
from .texts import read_as

#: The role of a column in a density: part of the event, part of the condition, or weight of the row.
Role: TypeAlias = Literal["event", "given", "weight"]


@final
@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name in the table.
        role: "event", "given" (part of the condition) or "weight" (of the row).
        kind: what its values mean.
        unit: unit of its values, such as "m/s"; None if it is not known.
        spelling: how its cells are written, if they were text.
        text: the Arrow type of the column, if it is text in the table although the kind is not of text.
        reason: what spoke for the kind.
        missing: cells that were missing when the kind was found.
    """

    name: str
    role: Role = "event"
    kind: AbstractKind = field(default_factory=Continuous)
    unit: str | None = None
    spelling: Spelling | None = None
    text: str | None = None
    reason: str = ""
    missing: int = 0

    def encode(self, cells: ArrowColumn) -> tuple[Float[np.ndarray, "rows parts"], Bool[np.ndarray, " rows"]]:
        """Return the numbers of the cells, NaN where one is missing, and which cells cannot be.

        Raises:
            ValueError: if the cells are of another type; the message shows one.
        """
        parts = self.kind.parts
        kind = type_named(self.kind.type)
        broken = np.zeros(len(cells), bool)
        if family(cells.type) == "text" and family(kind) != "text":
            if hasattr(cells.type, "value_type"):
                cells = cells.cast(cells.type.value_type)
            texts, (cells, broken) = cells, read_as(cells, kind, self.spelling or Spelling())
            if broken.any() and family(kind) in ("number", "duration"):
                row = int(np.argmax(broken))
                raise bad(self.name, f"a column of {family(kind)}s", f"`{texts[row].as_py()}` in row {row + 1}")
        values = self.kind.encode(cells, self.name)
        for j, part in enumerate(parts):
            if broken.any():
                values[broken, j] = part.impossible
        held = [part.holds(values[:, j]) for j, part in enumerate(parts)]
        return values, ~np.all(held, axis=0)

    def decode(self, values: Float[np.ndarray, "rows parts"]) -> ArrowColumn:
        """Return the cells that such numbers stand for, in the type of the table."""
        import pyarrow as pa

        cells = self.kind.decode(values)
        if self.text is None:
            return cells
        missing = cells.is_null().to_numpy(zero_copy_only=False)
        texts = write_texts(cells, self.spelling or Spelling())
        return pa.array(texts, type_named(self.text), mask=missing)

    def to_json(self) -> dict[str, Any]:
        """Return the column as JSON types, which `from_json` reads."""
        spelling = None if self.spelling is None else self.spelling.to_json()
        fields = {"unit": self.unit, "spelling": spelling, "text": self.text, "reason": self.reason}
        known = {key: value for key, value in fields.items() if value not in (None, "")}
        return {"name": self.name, "role": self.role, "kind": self.kind.to_json(), "missing": self.missing, **known}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Column":
        """Return the column that `to_json` has written."""
        fields = dict(content)
        fields["kind"] = kind_from_json(fields["kind"])
        if "spelling" in fields:
            fields["spelling"] = Spelling.from_json(fields["spelling"])
        return Column(**fields)
