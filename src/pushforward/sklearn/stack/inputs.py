"""Features of a table as numbers of order one."""

import warnings
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from ...data import Frame, Schema
from ...supports import Categories, Circle

#: Places of the distribution function of a column that are kept, and pieces of its piecewise-linear features.
PLACES, PIECES = 400, 16
#: Beyond so many standard deviations a number is taken as that; so many of ranks.
FARTHEST, FARTHEST_RANK = 4.0, 3.0

Columns = Float[np.ndarray, "rows columns"]


@final
@dataclass(frozen=True)
class Number:
    """How a number is coded: standardized, as the normal score of its rank, and by pieces of equal probability.

    Attributes:
        values, ranks: places of the distribution function of the column.
        mean, spread: of the column.
        ends: of the pieces.
    """

    values: Float[np.ndarray, " places"]
    ranks: Float[np.ndarray, " places"]
    mean: float
    spread: float
    ends: Float[np.ndarray, " ends"]

    @staticmethod
    def of(column: Float[np.ndarray, " rows"]) -> "Number":
        """Return the coding of a column, of which missing cells are left out."""
        seen = column[~np.isnan(column)]
        if not len(seen):
            seen = np.zeros(1)
        values, counts = np.unique(seen, return_counts=True)
        ranks = (np.cumsum(counts) - 0.5 * counts) / len(seen)
        if len(values) > PLACES:
            some = np.unique(np.linspace(0, len(values) - 1, PLACES).astype(int))
            values, ranks = values[some], ranks[some]
        few = len(np.unique(seen)) <= PIECES
        ends = values if few else np.unique(np.quantile(seen, np.linspace(0, 1, PIECES + 1)))
        return Number(values, ranks, float(seen.mean()), float(seen.std()) or 1.0, ends)

    def plain(self, filled: Float[np.ndarray, " rows"]) -> Columns:
        """Return the two features that are smooth."""
        return np.stack([self.standardized(filled), self._score(filled)], axis=1)

    def standardized(self, filled: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
        """Return the number in standard deviations."""
        return np.clip((filled - self.mean) / self.spread, -FARTHEST, FARTHEST)

    def pieces(self, filled: Float[np.ndarray, " rows"]) -> Columns:
        """Return how much of each piece of the line lies below the number; nothing if there is one piece only."""
        if len(self.ends) < 3:
            return np.zeros((len(filled), 0))
        low, high = self.ends[:-1], self.ends[1:]
        return np.clip((filled[:, None] - low) / (high - low), 0, 1) - 0.5

    def _score(self, filled: np.ndarray) -> np.ndarray:
        return np.clip(ndtri(np.interp(filled, self.values, self.ranks)), -FARTHEST_RANK, FARTHEST_RANK)


@final
@dataclass(frozen=True)
class Coded:
    """The features of some rows.

    Attributes:
        raw: the numbers of the table, NaN where missing, categories as codes: what trees take.
        smooth: standardized numbers, categories as 0 and 1, marks of missing cells: what a Gaussian process takes.
        plain: the same with scores of ranks.
        pieces: the piecewise-linear features.
    """

    raw: Float[np.ndarray, "rows raw"]
    smooth: Float[np.ndarray, "rows smooth"]
    plain: Float[np.ndarray, "rows plain"]
    pieces: Float[np.ndarray, "rows pieces"]


@final
@dataclass(frozen=True)
class Inputs:
    """How the features of a table are coded.

    Attributes:
        schema: of the features.
        numbers: the coding of each part that is a number or an angle; None of categories.
        missing: whether each part has missing cells.
    """

    schema: Schema
    numbers: tuple[Number | None, ...]
    missing: tuple[bool, ...]

    @staticmethod
    def of(schema: Schema, frame: Frame) -> "Inputs":
        """Return the coding of a table."""
        raw = _cells(schema, frame)
        codes = [isinstance(part.support, Categories) for part in schema.parts]
        numbers = tuple(None if code else Number.of(v) for code, v in zip(codes, raw.T, strict=True))
        return Inputs(schema, numbers, tuple(bool(np.isnan(column).any()) for column in raw.T))

    @property
    def categories(self) -> tuple[bool, ...]:
        """Which parts are categories."""
        return tuple(number is None for number in self.numbers)

    def code(self, frame: Frame) -> Coded:
        """Return the features of the rows of a table; a cell that cannot be is taken as missing."""
        raw = _cells(self.schema, frame)
        smooth, plain, pieces = ([np.zeros((len(raw), 0))] for _ in range(3))
        for part, number, missing, cells in zip(self.schema.parts, self.numbers, self.missing, raw.T, strict=True):
            seen = ~np.isnan(cells)
            if isinstance(part.support, Categories):
                levels = np.zeros((len(cells), part.support.count))
                levels[seen, cells[seen].astype(int)] = 1
                smooth.append(levels[:, 1:] if part.support.count == 2 else levels)
                plain.append(levels)
            elif number is not None and isinstance(part.support, Circle):
                angle = np.where(seen, cells, 0)[:, None] * (2 * np.pi / part.support.period)
                turns = np.concatenate([np.sin(angle), np.cos(angle)], axis=1) * seen[:, None]
                smooth.append(turns)
                plain.append(turns)
            elif number is not None:
                filled = np.where(seen, cells, number.mean)
                smooth.append(number.standardized(filled)[:, None])
                plain.append(number.plain(filled) * seen[:, None])
                pieces.append(number.pieces(filled) * seen[:, None])
            if missing:
                smooth.append(1.0 - seen[:, None])
                plain.append(1.0 - seen[:, None])
        return Coded(raw, *(np.concatenate(columns, axis=1) for columns in (smooth, plain, pieces)))


def _cells(schema: Schema, frame: Frame) -> Columns:
    coded = schema.encode(frame)
    for sentence in replace(coded, empty=np.arange(0)).notes_given(schema.event):
        warnings.warn(sentence, UserWarning, stacklevel=5)
    raw = coded.values
    for j, part in enumerate(schema.parts):
        raw[~part.holds(raw[:, j]), j] = np.nan
    return raw
