"""A table as cells of a density, and back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Bool, Float

from ..._errors import bad
from ...columns import AbstractMarginal, Observed, marginal_from_json, marginal_of
from ...data import Frame, Schema
from ...data.tables.names import similar
from ...supports import Categories

#: Cells of rows: shape (rows, parts, 3); see `pushforward.columns.AbstractHead`.
RowCells = Float[np.ndarray, "rows parts 3"]
#: The support of a mark: 1 where a cell is missing.
MARK = Categories(2)


@final
@dataclass(frozen=True)
class Coding:
    """The schema of a table with the marginal distributions of its parts.

    The parts are those of the schema, and then a *mark* for each column of the event in which cells are
    missing: 1 where they are.

    Attributes:
        schema: the columns.
        marginals: of each part.
        marked: the columns with marks, in the order of their marks.
    """

    schema: Schema
    marginals: tuple[AbstractMarginal, ...]
    marked: tuple[str, ...]

    @staticmethod
    def of(schema: Schema, frame: Frame, rows: np.ndarray | None = None) -> "Coding":
        """Return the coding of a table, with marginals estimated from some of its rows."""
        values, weights = schema.encode(frame).values, schema.weights(frame)
        marked = tuple(c.name for c in schema.columns if c.role == "event" and c.missing)
        values = np.concatenate([values, _marks(schema, values, marked)], axis=1)
        rows = np.arange(len(values)) if rows is None else rows
        weights = np.ones(len(values)) if weights is None else weights
        marginals = []
        for j in range(values.shape[1]):
            support, atoms = _support(schema, j)
            own = rows[~np.isnan(values[rows, j]) & (weights[rows] > 0)]
            if not len(own):  # All cells are missing in these rows: take those of any row.
                own = np.flatnonzero(~np.isnan(values[:, j]))
            marginals.append(marginal_of(support, Observed(values[own, j], _unit(weights[own]), atoms)))
        return Coding(schema, tuple(marginals), marked)

    @cached_property
    def places(self) -> dict[str, tuple[int, ...]]:
        """The parts of each column, without its mark."""
        return {name: tuple(range(at.start, at.stop)) for name, at in self.schema.places.items()}

    @cached_property
    def marks(self) -> dict[str, int]:
        """The part that is the mark of a column, for the columns with marks."""
        first = len(self.schema.parts)
        return {name: first + i for i, name in enumerate(self.marked)}

    @cached_property
    def is_mark(self) -> Bool[np.ndarray, " parts"]:
        """Which parts are marks."""
        return np.arange(len(self.marginals)) >= len(self.schema.parts)

    def of_columns(self, names: Collection[str]) -> Bool[np.ndarray, " parts"]:
        """Return which parts belong to some columns; marks do not."""
        out = np.zeros(len(self.marginals), bool)
        for name in names:
            out[list(self.places[name])] = True
        return out

    def encode(
        self, frame: Frame, absent: Collection[str] = (), conditions: Collection[str] = ()
    ) -> tuple[RowCells, tuple[str, ...]]:
        """Return the cells of a table, and sentences on cells that cannot be.

        Arguments:
            frame: the table.
            absent: columns that it may lack; their cells are missing, and so are their marks.
            conditions: columns that are given, beside those of the schema. Cells of these that cannot be, such as a
                category never seen, are missing: they tell nothing of other columns.
        """
        coded = self.schema.encode(frame, absent=absent)
        lacking = [name for name in self.marked if name in absent and name not in frame.names]
        marks = _marks(self.schema, coded.values, self.marked)
        for name in lacking:
            marks[:, self.marked.index(name)] = np.nan
        cells = self.cells(np.concatenate([coded.values, marks], axis=1))
        given = {*self.schema.given, *conditions}
        if conditions:  # A row without any of them is no news: what it is asked for is missing.
            coded = replace(coded, empty=np.arange(0))
        cells[np.isneginf(cells[..., 2]) & self.of_columns(given)] = np.nan
        return cells, coded.notes_given(given)

    def cells(self, values: Float[np.ndarray, "rows parts"]) -> RowCells:
        """Return the cells of parts."""
        columns = []
        for j, marginal in enumerate(self.marginals):
            cells = marginal.cells(values[:, j])
            if j < len(self.schema.parts):
                cells[~self.schema.parts[j].holds(values[:, j]), 2] = -np.inf
            columns.append(cells)
        return np.stack(columns, axis=1)

    def values(self, scores: Float[np.ndarray, "rows parts"]) -> Float[np.ndarray, "rows columns"]:
        """Return the parts, without marks, that hold scores; missing where the mark says so."""
        scores = np.asarray(scores, np.float64)
        values = np.stack([m.values(scores[:, j]) for j, m in enumerate(self.marginals)], axis=1)
        for name, mark in self.marks.items():
            gone = values[:, mark] == 1
            values[np.ix_(gone, self.places[name])] = np.nan
        return values[:, : len(self.schema.parts)]

    def position(self, name: str, argument: str, names: Sequence[str] | None = None) -> tuple[int, ...]:
        """Return the parts of a column.

        Raises:
            ValueError: if the model has no such column.
        """
        known = tuple(self.places) if names is None else tuple(names)
        if name not in known:
            raise bad(argument, "a column of the model", name, similar(name, known))
        return self.places[name]

    def to_json(self) -> dict[str, Any]:
        """Return the marginals and marks as JSON types."""
        return {"marginals": [m.to_json() for m in self.marginals], "marked": list(self.marked)}

    @staticmethod
    def from_json(schema: Schema, content: Mapping[str, Any]) -> "Coding":
        """Return the coding that `to_json` wrote."""
        return Coding(schema, tuple(map(marginal_from_json, content["marginals"])), tuple(content["marked"]))


def _support(schema: Schema, part: int) -> Any:
    if part >= len(schema.parts):
        return MARK, ()
    return schema.parts[part].support, schema.parts[part].atoms


def _marks(schema: Schema, values: np.ndarray, marked: Sequence[str]) -> np.ndarray:
    places = schema.places
    return (
        np.stack([np.isnan(values[:, places[name].start]) for name in marked], axis=1).astype(float)
        if marked
        else (np.zeros((len(values), 0)))
    )


def _unit(weights: np.ndarray) -> np.ndarray:
    return weights / weights.mean()
