"""What a model knows of each column, in words."""

from typing import TYPE_CHECKING

import numpy as np

from ...data import Column
from ...data.tables.spelling import Spelling, write_texts
from .coding import Coding

if TYPE_CHECKING:
    from .model import TableModel

#: Shares of rows below the values that are shown of a number, and how many levels are.
SHARES, LEVELS = (0.01, 0.25, 0.5, 0.75, 0.99), 5


def describe_columns(model: "TableModel") -> str:
    """Return a table of the columns: kind, missing cells, the values of the rows of the fit, and why the kind is such.

    Of numbers the values that 1, 25, 50, 75 and 99 % of the rows do not exceed are shown, of categories the shares of
    the most frequent.
    """
    rows = [("column", "kind", "missing", "values", "because")]
    read = 0 if model.record is None else model.record.rows.read
    for column in model.schema.columns:
        role = "" if column.role == "event" else f" ({column.role})"
        share = f"{100 * column.missing / read:.1f} %" if read else f"{column.missing:,}"
        unit = f" {column.unit}" if column.unit else ""
        name = f"{column.name}{role}{' in' + unit if unit else ''}"
        missing = share if column.missing else "none"
        rows.append((name, column.kind.name, missing, values_of(model.coding, column), column.reason))
    rows += [(column.name, "left out", "", "", column.reason) for column in model.schema.left_out]
    widths = [max(len(row[j]) for row in rows) for j in range(4)]
    lines = ["  ".join((*map(str.ljust, row, widths), row[4])).rstrip() for row in rows]
    return "\n".join((*lines, *model.schema.notes))


def values_of(coding: Coding, column: Column) -> str:
    """Return the values that a column has in the rows of the fit, in words."""
    places = coding.places.get(column.name, ())
    if len(places) != 1:
        return column.kind.rule if places else ""
    marginal = coding.marginals[places[0]]
    shares = marginal.level_shares
    if shares is not None:
        order = np.argsort(-np.asarray(shares), kind="stable")[:LEVELS]
        texts = _texts(coding, column, places[0], order.astype(float))
        named = [f"{text} {100 * shares[i]:.0f} %" for text, i in zip(texts, order, strict=True)]
        more = len(shares) - len(order)
        return ", ".join(named) + (f", {more} more" if more else "")
    scores = marginal.scores_at(np.asarray(SHARES))
    return " .. ".join(_texts(coding, column, places[0], marginal.values(scores)))


def _texts(coding: Coding, column: Column, part: int, values: np.ndarray) -> list[str]:
    """Return values of a part as cells of the table are written."""
    import pyarrow as pa

    parts = np.full((len(values), len(coding.schema.parts)), np.nan)
    parts[:, part] = values
    cells = coding.schema.decode(parts).table[column.name].combine_chunks()
    if pa.types.is_floating(cells.type):
        return [f"{value:.5g}" for value in cells.to_pylist()]
    return [str(text) for text in write_texts(cells, column.spelling or Spelling())]
