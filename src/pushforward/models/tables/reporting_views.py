"""Columns and pairs of columns of a table in bins, data beside draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float, Int

from ...data import Column, Frame
from .describing import values_of
from .viewing import BINS, MISSING, Axis, pair_shares, shares

if TYPE_CHECKING:
    from .model import TableModel
    from .relating import Relations

#: The most pairs that are shown, and about how many bins numbers have in them.
PAIRS, PAIR_BINS = 9, 20


@final
@dataclass(frozen=True)
class ColumnView:
    """One column, data beside draws.

    Attributes:
        column: of the schema.
        values: the values of the rows of the fit, in words.
        axis: the bins.
        data, model: the shares of the observed cells in each bin.
        missing: the shares of empty cells, of the data and of the draws.
    """

    column: Column
    values: str
    axis: Axis
    data: Float[np.ndarray, " bins"]
    model: Float[np.ndarray, " bins"]
    missing: tuple[float, float]


@final
@dataclass(frozen=True)
class PairView:
    """Two columns, data beside draws.

    Attributes:
        axes: the bins of the two columns.
        data, model: the shares of the rows in each pair of bins.
        information: what the columns tell about each other, in nats; None if it was not estimated.
    """

    axes: tuple[Axis, Axis]
    data: Float[np.ndarray, "a b"]
    model: Float[np.ndarray, "a b"]
    information: float | None


def column_views(model: "TableModel", data: Frame, drawn: Frame) -> tuple[ColumnView, ...]:
    """Return all columns but the weight."""
    weights = model.schema.weights(data)
    views = []
    for column in model.schema.columns:
        if column.role == "weight":
            continue
        axis = axis_of(column, data, drawn)
        places = axis.places(data.table[column.name]), axis.places(drawn.table[column.name])
        found = shares(places[0], axis.size, weights), shares(places[1], axis.size)
        missing = (float(np.mean(places[0] == MISSING)), float(np.mean(places[1] == MISSING)))
        views.append(ColumnView(column, values_of(model.coding, column), axis, *found, missing))
    return tuple(views)


def pair_views(
    model: "TableModel", views: Sequence[ColumnView], data: Frame, drawn: Frame, relations: "Relations | None"
) -> tuple[PairView, ...]:
    """Return the pairs that tell most about each other, or the first ones if this is not known."""
    names = [view.column.name for view in views]
    told: dict[tuple[str, str], float | None] = {(a, b): None for i, b in enumerate(names) for a in names[:i]}
    if relations is not None:
        place = {name: i for i, name in enumerate(relations.names)}
        told = {pair: float(relations.alone[place[pair[0]], place[pair[1]]]) for pair in told}
    best = sorted(told, key=lambda pair: -(told[pair] or 0.0))[:PAIRS]
    return tuple(pair_view(model, pair, data, drawn, told[pair]) for pair in best)


def pair_view(
    model: "TableModel", names: tuple[str, str], data: Frame, drawn: Frame, information: float | None = None
) -> PairView:
    """Return one pair of columns."""
    columns = {column.name: column for column in model.schema.columns}
    axes = axis_of(columns[names[0]], data, drawn, PAIR_BINS), axis_of(columns[names[1]], data, drawn, PAIR_BINS)

    def found(frame: Frame, weights: np.ndarray | None) -> np.ndarray:
        a, b = places_of(axes, frame)
        return pair_shares(a, b, (axes[0].size, axes[1].size), weights)

    return PairView(axes, found(data, model.schema.weights(data)), found(drawn, None), information)


def axis_of(column: Column, data: Frame, drawn: Frame, bins: int = BINS) -> Axis:
    """Return the bins of a column, of levels that data or draws have."""
    cells: list[Any] = [data.table[column.name], drawn.table[column.name]]
    return Axis.of(column, cells, bins)


def places_of(axes: Sequence[Axis], frame: Frame) -> list[Int[np.ndarray, " rows"]]:
    """Return the numbers of the bins of all cells of some columns."""
    return [axis.places(frame.table[axis.name]) for axis in axes]
