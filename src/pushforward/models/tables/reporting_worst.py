"""The least likely rows, and what would be expected in the place of their cells."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Float, Int

from ...data import Frame
from ...data.tables.arrow_types import family
from .anomalies import anomaly_columns

if TYPE_CHECKING:
    from .model import TableModel

#: Rows that are shown, and the p-value below which a row is called unlike the table.
SHOWN, UNLIKE = 8, 0.01


@final
@dataclass(frozen=True)
class Cell:
    """A cell that is least expected given the others of its row.

    Attributes:
        name: of the column.
        text: what it holds.
        expected: the middle nine tenths of what was expected of a number; None if the column is none.
    """

    name: str
    text: str
    expected: tuple[float, float] | None


@final
@dataclass(frozen=True)
class WorstRow:
    """A row that is unlike the table.

    Attributes:
        row: its number, from 0.
        p_value, log_prob: as of `TableModel.anomaly`.
        blamed: the least expected cells, first the worst.
    """

    row: int
    p_value: float
    log_prob: float
    blamed: tuple[Cell, ...]


@final
@dataclass(frozen=True)
class Worst:
    """The least likely rows.

    Attributes:
        rows: worst first.
        below, of: number of rows with a p-value below 0.01, of how many.
    """

    rows: tuple[WorstRow, ...]
    below: int
    of: int


def worst_of(model: "TableModel", frame: Frame, numbers: Int[np.ndarray, " rows"]) -> Worst:
    """Return the worst rows of a table, whose numbers are given."""
    found = anomaly_columns(model, frame)
    p_value, log_prob, blame = found["p_value"], found["log_prob"], found["blame"]
    order = np.lexsort((log_prob, p_value))[:SHOWN]
    few = frame.take(order)
    blamed = [[name for name in blame[row].split(", ") if name in model.schema.event] for row in order]
    expected = {name: _expected(model, name, few) for name in sorted({name for names in blamed for name in names})}

    def cell(i: int, name: str) -> Cell:
        about = expected[name]
        ends = None if about is None else (float(about[i, 0]), float(about[i, 1]))
        return Cell(name, str(few.table[name][i].as_py()), ends)

    rows = [
        WorstRow(int(numbers[row]), float(p_value[row]), float(log_prob[row]), tuple(cell(i, n) for n in blamed[i]))
        for i, row in enumerate(order)
    ]
    return Worst(tuple(rows), int((p_value < UNLIKE).sum()), len(frame))


def _expected(model: "TableModel", name: str, frame: Frame) -> Float[np.ndarray, "rows 2"] | None:
    if len(model.coding.places[name]) > 1 or family(frame.table[name].type) != "number":
        return None
    prediction = model.predict(name, frame)
    return prediction.interval(0.9) if prediction.is_number else None
