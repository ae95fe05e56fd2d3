"""Has the distribution of a table moved?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import jax
import numpy as np

from ..._errors import require
from ..._types import Key
from ...data import Frame
from .anomalies import given_all_others
from .coding import RowCells

if TYPE_CHECKING:
    from .model import TableModel

#: Permutations of a test, and the most rows of each table.
PERMUTATIONS, MOST = 999, 4000


@final
@dataclass(frozen=True)
class Drift:
    """The result of a comparison of two tables.

    Attributes:
        p_value: of the hypothesis that both are from one distribution.
        columns: for each column the p-value of its own distribution, adjusted for their number (Holm), and that of its
            distribution given all other columns.
        rows: numbers of rows compared.
    """

    p_value: float
    columns: dict[str, tuple[float, float]]
    rows: tuple[int, int]

    @property
    def moved(self) -> tuple[str, ...]:
        """The columns of which one of the two p-values is below 0.05, smallest first."""
        found = sorted((min(p), name) for name, p in self.columns.items() if min(p) < 0.05)
        return tuple(name for _, name in found)

    def __str__(self) -> str:
        """Return the result in words."""
        first = "have moved" if self.p_value < 0.05 else "show no difference"
        lines = [f"The two tables of {self.rows[0]:,} and {self.rows[1]:,} rows {first} (p = {self.p_value:.3g})."]
        for name in self.moved:
            alone, given = self.columns[name]
            lines.append(f"  {name}: p = {alone:.3g} alone, {given:.3g} given the others")
        return "\n".join(lines)


def compare(model: "TableModel", key: Key, a: Frame, b: Frame) -> Drift:
    """See `TableModel.compare`.

    Each row has a number for each column: its probability rank, and its log-probability given all others under the
    model. The statistic is the largest difference of their distribution functions between the tables over columns,
    (Kolmogorov and Smirnov), in units of its spread; permutations of the rows give the p-values, whatever the model.
    """
    require(min(len(a), len(b)) >= 2, "b", "a table of at least two rows, as is a", f"`{len(a)} and {len(b)} rows`")
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    cells = [model.coding.encode(_some(rng, frame))[0] for frame in (a, b)]
    first, both = len(cells[0]), np.concatenate(cells)
    names = list(model.schema.event)
    alone = np.stack([_ranks(both, model.coding.places[name]) for name in names], axis=1)
    loo = given_all_others(model, both)
    given = np.stack([loo[:, list(model.coding.places[name])].sum(axis=1) for name in names], axis=1)
    features = np.concatenate([alone, np.where(np.isfinite(given), given, np.nan)], axis=1)
    found = _distances(features, np.arange(len(both)) < first)
    null = np.stack([_distances(features, rng.permutation(len(both)) < first) for _ in range(PERMUTATIONS)])
    spread = null.std(axis=0) + 1e-9
    centre = null.mean(axis=0)
    standing, of_null = ((found - centre) / spread), ((null - centre) / spread)
    p_value = (1 + (of_null.max(axis=1) >= standing.max()).sum()) / (PERMUTATIONS + 1)
    # The largest over columns is the reference for each, which adjusts for their number.
    adjusted = (1 + (of_null.max(axis=1)[:, None] >= standing).sum(axis=0)) / (PERMUTATIONS + 1)
    columns = {n: (float(adjusted[i]), float(adjusted[len(names) + i])) for i, n in enumerate(names)}
    return Drift(float(p_value), columns, (first, len(both) - first))


def _some(rng: np.random.Generator, frame: Frame) -> Frame:
    return frame if len(frame) <= MOST else frame.take(rng.permutation(len(frame))[:MOST])


def _ranks(cells: RowCells, parts: tuple[int, ...]) -> np.ndarray:
    """Return one number that orders the values of a column; a missing cell is below all."""
    value = cells[:, parts[0], :2].mean(axis=1)
    return np.where(np.isnan(value), -1e30, value)


def _distances(features: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """Return the largest difference of the distribution functions of two samples, for each column."""
    out = np.zeros(features.shape[1])
    for j, column in enumerate(features.T):
        known = ~np.isnan(column)
        order = np.argsort(column[known], kind="stable")
        values, own = column[known][order], is_first[known][order]
        if not own.any() or own.all():
            continue
        gap = np.cumsum(own) / own.sum() - np.cumsum(~own) / (~own).sum()
        # Ties count together.
        last = np.append(values[1:] != values[:-1], True)
        out[j] = np.abs(gap[last]).max()
    return out
