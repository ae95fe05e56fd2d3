"""The distribution of one column given the observed cells of the others."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from ..._errors import bad, require
from ...columns import AnyOrder
from ...data import Frame
from .coding import Coding, RowCells

if TYPE_CHECKING:
    from .model import TableModel

#: Rows whose means are computed at once.
ROWS = 8192


@final
@dataclass(frozen=True)
class Prediction:
    """Distributions of one column, one for each row of a table: exact, not estimated from draws.

    Numbers have `mean`, `median`, `quantile`, `interval`, `cdf` and `log_prob`; categories have `probabilities`, `mode`
    and `log_prob`.

    Attributes:
        name: of the column.
        coding, flow: of the model.
        part: the part of the column.
        cells: what is given, for each row.
        like: the table.
    """

    name: str
    coding: Coding
    flow: AnyOrder
    part: int
    cells: RowCells
    like: Frame

    def take(self, rows: Sequence[int] | np.ndarray) -> "Prediction":
        """Return the distributions of some rows, given by their indices."""
        return replace(self, cells=self.cells[np.asarray(rows)], like=self.like.take(np.asarray(rows)))

    @property
    def is_number(self) -> bool:
        """Whether the column holds numbers."""
        return self.coding.marginals[self.part].level_shares is None

    @property
    def levels(self) -> list[Any]:
        """The values of a column of categories.

        Raises:
            ValueError: if it holds numbers.
        """
        self._require(False)
        count = len(self.coding.marginals[self.part].level_shares or ())
        values = np.full((count, len(self.coding.schema.parts)), np.nan)
        values[:, self.part] = np.arange(count)
        return self.coding.schema.decode(values).table[self.name].to_pylist()

    def quantile(self, q: Any) -> Float[np.ndarray, "rows ..."]:
        """Return the quantiles of each row at one or several levels: numbers that have the share q below them.

        They are exact, and never cross.

        Arguments:
            q: a level, several, or an array of shape (rows, k) of levels for each row.
        """
        self._require(True)
        levels = np.atleast_1d(np.asarray(q, np.float64))
        require(bool(((levels > 0) & (levels < 1)).all()), "q", "between 0 and 1", q)
        scores = self.flow.quantiles(
            self.cells, self._seen, self.part, np.broadcast_to(levels, (len(self.cells), levels.shape[-1]))
        )
        values = self.coding.marginals[self.part].values(scores.astype(np.float64).ravel())
        values = self._numbers(values).reshape(scores.shape)
        return values[:, 0] if np.ndim(q) == 0 else values

    def interval(self, coverage: float = 0.9) -> Float[np.ndarray, "rows 2"]:
        """Return for each row the interval that leaves (1 - coverage) / 2 on either side."""
        require(0 < coverage < 1, "coverage", "between 0 and 1", coverage)
        return self.quantile([(1 - coverage) / 2, (1 + coverage) / 2])

    def median(self) -> Float[np.ndarray, " rows"]:
        """Return the median of each row."""
        return self.quantile(0.5)

    def mean(self) -> Float[np.ndarray, " rows"]:
        """Return the mean of each row: the weighted mean of 32 quantiles of each component of its mixture."""
        self._require(True)
        means = [np.zeros(0)]
        for start in range(0, len(self.cells), ROWS):
            cells, seen = self.cells[start : start + ROWS], self._seen[start : start + ROWS]
            scores, weights = self.flow.nodes(cells, seen, self.part)
            values = self.coding.marginals[self.part].values(scores.astype(np.float64).ravel())
            means.append((self._numbers(values).reshape(scores.shape) * weights).sum(axis=1))
        return np.concatenate(means)

    def cdf(self, values: Any) -> Float[np.ndarray, " rows"]:
        """Return the probability of numbers up to a value, of which there is one for each row.

        It may be any number, also one that cannot be, as 2.5 of a count.
        """
        self._require(True)
        cells = self._cells_of(values)
        upper, between = cells[:, 1].copy(), np.isneginf(cells[:, 2])
        if between.any():
            upper[between] = self._score_up_to(np.asarray(values, np.float64)[between])
        return self.flow.cdf(self.cells, self._seen, self.part, upper[:, None])[:, 0].astype(np.float64)

    def pmf(self, values: Any) -> Float[np.ndarray, " rows"]:
        """Return the probability of exactly a value for each row: 0 where it has a density and no probability."""
        cells = self._cells_of(values)
        has_one = (cells[:, 1] > cells[:, 0]) | (not self.is_number)
        return np.where(has_one, np.exp(self.log_prob(values)), 0.0)

    def log_prob(self, values: Any) -> Float[np.ndarray, " rows"]:
        """Return the log-density, or log-probability, of a value for each row."""
        cells = self.cells.copy()
        cells[:, self.part] = self._cells_of(values)
        return self.flow.log_prob_parts(cells, self._seen, [self.part])[:, self.part].astype(np.float64)

    def probabilities(self) -> Float[np.ndarray, "rows levels"]:
        """Return the probability of each of `levels`, for each row."""
        self._require(False)
        codes = np.arange(len(self.levels), dtype=np.float64)
        up_to = self.flow.cdf(self.cells, self._seen, self.part, np.broadcast_to(codes, (len(self.cells), len(codes))))
        return np.diff(up_to.astype(np.float64), axis=1, prepend=0.0)

    def mode(self) -> list[Any]:
        """Return the likeliest category of each row."""
        levels = self.levels
        return [levels[i] for i in self.probabilities().argmax(axis=1)]

    def sample(self, n: int, seed: int = 0) -> Float[np.ndarray, "rows n"]:
        """Return n draws for each row; numbers, or the places of categories in `levels`."""
        u = np.random.default_rng(seed).uniform(1e-7, 1 - 1e-7, (len(self.cells), n))
        scores = self.flow.quantiles(self.cells, self._seen, self.part, u).astype(np.float64)
        values = self.coding.marginals[self.part].values(scores.ravel())
        return (self._numbers(values) if self.is_number else values).reshape(scores.shape)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.cells)

    def _score_up_to(self, values: np.ndarray) -> np.ndarray:
        """Return the highest score of a number up to each value, by bisection."""
        low, high = (np.full(len(values), end) for end in self.flow.heads[self.part].ends)
        for _ in range(64):
            middle = 0.5 * (low + high)
            below = self._numbers(self.coding.marginals[self.part].values(middle)) <= values
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return low

    @property
    def _seen(self) -> np.ndarray:
        return ~np.isnan(self.cells[..., 0])

    def _numbers(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers of the table that values of the part stand for."""
        import pyarrow as pa

        parts = np.full((len(values), len(self.coding.schema.parts)), np.nan)
        parts[:, self.part] = values
        column = self.coding.schema.decode(parts).table[self.name].combine_chunks()
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            column = column.cast(pa.int64()) if not pa.types.is_decimal(column.type) else column.cast(pa.float64())
        return column.to_numpy(zero_copy_only=False).astype(np.float64)

    def _cells_of(self, values: Any) -> np.ndarray:
        """Return the cells of values of the column, one for each row."""
        import pyarrow as pa

        table = values if isinstance(values, Frame) else Frame(pa.table({self.name: pa.array(values)}))
        others = [name for name in self.coding.places if name != self.name]
        cells, _ = self.coding.encode(table, absent=others)
        rule = f"{len(self.cells)} values, one for each row"
        require(len(cells) == len(self.cells), "values", rule, f"`{len(cells)} values`")
        return cells[:, self.part]

    def _require(self, number: bool) -> None:
        if number != self.is_number:
            rule = "a column of numbers" if number else "a column of categories"
            raise bad("target", rule, self.name, "Use `probabilities` or `mode`." if number else "Use `quantile`.")


def predict(model: "TableModel", target: str, frame: Frame) -> Prediction:
    """See `TableModel.predict`."""
    parts = model.coding.position(target, "target", model.schema.event)
    if len(parts) != 1:
        remedy = "Draw it given the others: model.sample(key, n, given=table), or `sample --given FILE`."
        raise bad("target", "a column of numbers or categories", f"`{target}, of dates or times`", remedy)
    lacking = [name for name in model.coding.places if name not in frame.names or name == target]
    present = frame.select([name for name in frame.names if name != target])
    cells, notes = model.coding.encode(present, absent=lacking, conditions=set(model.coding.places) - {target})
    for sentence in notes:
        warnings.warn(sentence, UserWarning, stacklevel=4)
    cells[:, model.coding.is_mark] = np.nan
    return Prediction(target, model.coding, model.flow, parts[0], cells, frame)
