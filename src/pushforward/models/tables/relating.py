"""Which column tells about which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from ..._errors import require_count
from ..._types import Key
from ...data import Frame
from .conditions import condition_cells
from .drawing import draw, draw_order

if TYPE_CHECKING:
    from .model import TableModel


@final
@dataclass(frozen=True)
class Relations:
    """How much columns tell about each other.

    Attributes:
        names: the columns.
        alone: shape (columns, columns), the mutual information I(a; b) in nats.
        beyond: the information that a has on b beyond all other columns, I(a; b | others); about zero where the two
            are conditionally independent.
        rows: number of draws of which these are means.
    """

    names: tuple[str, ...]
    alone: Float[np.ndarray, "columns columns"]
    beyond: Float[np.ndarray, "columns columns"]
    rows: int

    def __str__(self) -> str:
        """Return the pairs that tell most, strongest first."""
        pairs = [(i, j) for i in range(len(self.names)) for j in range(i)]
        pairs.sort(key=lambda at: -max(self.beyond[at], 0))
        lines = [f"Mutual information of columns in nats, from {self.rows:,} draws:", "  alone   beyond all others"]
        for i, j in pairs[:20]:
            lines.append(f"  {self.alone[i, j]:5.3f}   {self.beyond[i, j]:5.3f}   {self.names[j]} - {self.names[i]}")
        return "\n".join(lines)


def marginal(model: "TableModel", columns: Sequence[str], frame: Frame) -> Float[np.ndarray, " rows"]:
    """See `TableModel.marginal`."""
    for name in columns:
        model.coding.position(name, "columns", model.schema.event)
    wanted = model.coding.of_columns(columns)
    given = model.coding.of_columns(model.schema.given)
    cells = condition_cells(model.coding, frame)
    cells[:, ~wanted & ~given] = np.nan
    seen = np.broadcast_to(given, cells.shape[:2])
    order = [part for part in model.flow.order if wanted[part]]
    return model.flow.log_prob_parts(cells, seen, order).sum(axis=1)


def relations(model: "TableModel", key: Key, rows: int) -> Relations:
    """See `TableModel.mutual_information`."""
    require_count("rows", rows)
    names = model.schema.event
    empty = np.full((rows, len(model.coding.marginals), 3), np.nan)
    scores = draw(model, key, empty, (), False)
    values = model.coding.values(scores)
    marks = np.full((rows, len(model.coding.marked)), np.nan)
    cells = model.coding.cells(np.concatenate([values, marks], axis=1))
    places = [list(model.coding.places[name]) for name in names]
    everything = np.zeros(len(model.coding.marginals), bool)
    everything[draw_order(model, False)] = True

    def mean(i: int, seen: np.ndarray) -> float:
        """Return the mean of log p(column i | seen parts)."""
        seen = seen.copy()
        seen[places[i]] = False
        wide = np.broadcast_to(seen, cells.shape[:2])
        found = model.flow.log_prob_parts(cells, wide, places[i])[:, places[i]].sum(axis=1)
        return float(found[np.isfinite(found)].mean())

    def only(*columns: int) -> Any:
        seen = np.zeros(len(everything), bool)
        seen[[part for j in columns for part in places[j]]] = True
        return seen

    count = len(names)
    alone, beyond = np.zeros((count, count)), np.zeros((count, count))
    for i in range(count):
        nothing, all_others = mean(i, only()), mean(i, everything)
        for j in range(count):
            if i != j:
                alone[i, j] = mean(i, only(j)) - nothing
                beyond[i, j] = all_others - mean(i, everything & ~only(j))
    # Both directions estimate the same number.
    return Relations(tuple(names), (alone + alone.T) / 2, (beyond + beyond.T) / 2, rows)
