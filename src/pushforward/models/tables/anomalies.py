"""Which rows are unlike a table, and which of their cells are to blame."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from ..._errors import bad
from ...data import Frame
from .coding import RowCells
from .drawing import draw_order, native

if TYPE_CHECKING:
    from .model import TableModel

#: Rows that say what is usual, and numbers that are kept of them.
JUDGES, KEPT = 4000, 1000
#: Cells that are named.
BLAMED = 3


@final
@dataclass(frozen=True)
class Reference:
    """What is usual in rows that a model was not fitted to.

    Attributes:
        rows: number of rows.
        surprises: sorted; Σ_j (mean of log p(x_j | before) - log p(x_j | before)) over the observed cells of a row.
        means: of log p(x_j | before) for each part.
        alone: of log p(x_j | all others) for each part, mean and standard deviation.
    """

    rows: int
    surprises: tuple[float, ...]
    means: tuple[float, ...]
    alone: tuple[tuple[float, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the content as JSON types."""
        return asdict(self)

    @staticmethod
    def from_json(content: Mapping[str, Any] | None) -> "Reference | None":
        """Return what `to_json` wrote, None for None."""
        if content is None:
            return None
        pairs = tuple((float(a), float(b)) for a, b in content["alone"])
        return Reference(content["rows"], tuple(content["surprises"]), tuple(content["means"]), pairs)


def reference_of(model: "TableModel", cells: RowCells) -> Reference:
    """Return what is usual in some rows."""
    cells = cells[:JUDGES]
    parts, observed = _parts(model, cells)
    means = [float(p[o].mean()) if o.any() else 0.0 for p, o in zip(parts.T, observed.T, strict=True)]
    surprises = np.sort(_surprise(parts, observed, np.asarray(means)))
    kept = surprises if len(surprises) <= KEPT else np.quantile(surprises, np.linspace(0, 1, KEPT))
    alone = given_all_others(model, cells)
    pairs = [
        (float(np.nanmean(column)), float(np.nanstd(column)) + 1e-3) if np.isfinite(column).any() else (0.0, 1.0)
        for column in np.where(np.isfinite(alone), alone, np.nan).T
    ]
    return Reference(len(cells), tuple(map(float, kept)), tuple(means), tuple(pairs))


def anomaly(model: "TableModel", frame: Frame) -> Any:
    """See `TableModel.anomaly`."""
    return native(anomaly_columns(model, frame), frame)


def anomaly_columns(model: "TableModel", frame: Frame) -> dict[str, Any]:
    """Return the columns of `anomaly`."""
    reference = model.reference
    if reference is None:
        raise bad("model", "fitted before it can say what is unusual", "`not fitted`")
    cells, _ = model.coding.encode(frame)
    parts, observed = _parts(model, cells)
    surprise = _surprise(parts, observed, np.asarray(reference.means))
    known = np.asarray(reference.surprises)
    # One more row, the row itself, so that no p-value is zero.
    above = (len(known) - np.searchsorted(known, surprise, side="left")) / len(known)
    p_value = (above * reference.rows + 1) / (reference.rows + 1)
    return {"p_value": p_value, "log_prob": parts.sum(axis=1), "blame": _blamed(model, cells, reference)}


def _blamed(model: "TableModel", cells: RowCells, reference: Reference) -> list[str]:
    """Return the names of the least expected cells of each row, given all others."""
    mean, deviation = np.asarray(reference.alone).T
    surprise = (mean - given_all_others(model, cells)) / deviation
    names = list(model.schema.event)
    each = np.stack([np.nanmax(_or_low(surprise[:, list(model.coding.places[n])]), axis=1) for n in names], axis=1)
    order = np.argsort(-each, axis=1)[:, :BLAMED]
    return [", ".join(names[j] for j in row if each[i, j] > 1) for i, row in enumerate(order)]


def _or_low(a: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(a), -np.inf, a)


def _parts(model: "TableModel", cells: RowCells) -> tuple[np.ndarray, np.ndarray]:
    seen = np.zeros(cells.shape[:2], bool)
    seen[:, model.coding.of_columns(model.schema.given)] = True
    order = [part for part in draw_order(model, False) if not model.coding.of_columns(model.schema.given)[part]]
    observed = ~np.isnan(cells[..., 0]) & model.coding.of_columns(model.schema.event)
    return model.flow.log_prob_parts(cells, seen, order), observed


def _surprise(parts: np.ndarray, observed: np.ndarray, means: np.ndarray) -> Float[np.ndarray, " rows"]:
    return np.where(observed, means - parts, 0.0).sum(axis=1)


def given_all_others(model: "TableModel", cells: RowCells) -> Float[np.ndarray, "rows parts"]:
    """Return log p(part | all other columns) of each part of the event; NaN for others, and where it is missing."""
    out = np.full(cells.shape[:2], np.nan)
    marks = model.coding.is_mark
    for name in model.schema.event:
        own = list(model.coding.places[name])
        seen = ~np.isnan(cells[..., 0]) & ~marks
        seen[:, own] = False
        out[:, own] = model.flow.log_prob_parts(cells, seen, own)[:, own]
        out[:, own] = np.where(np.isnan(cells[:, own, 0]), np.nan, out[:, own])
    return out
