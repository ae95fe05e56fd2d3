"""Is a column, given all others, distributed as the model says?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Float, Int

from ...data import Frame
from .coding import RowCells
from .conditions import condition_cells

if TYPE_CHECKING:
    from .model import TableModel

#: The most rows and columns, and the frequent levels of a column that are looked at.
ROWS, COLUMNS, LEVELS = 2000, 24, 6
#: Bins of the ranks, and of predicted probabilities.
BINS, STEPS = 20, 10


@final
@dataclass(frozen=True)
class Ranks:
    """The calibration of a column of numbers given all others.

    The rank of each cell in its distribution given the others (the probability integral transform, drawn within the
    jump where a value has a probability) is uniform if the model is right.

    Attributes:
        name: of the column.
        rows: number of cells.
        counts: how many ranks lie in each of 20 equal bins.
        p_value: of uniform ranks (Kolmogorov and Smirnov).
    """

    name: str
    rows: int
    counts: Int[np.ndarray, " bins"]
    p_value: float


@final
@dataclass(frozen=True)
class Reliability:
    """The calibration of a column of categories given all others.

    Of the levels to which the model gives a probability near p, a share p occurs if the model is right.

    Attributes:
        name: of the column.
        rows: number of cells.
        said, occurred, counts: for bins of the probability, its mean, the share of the levels that occurred, and the
            number of probabilities; of the six most frequent levels.
    """

    name: str
    rows: int
    said: Float[np.ndarray, " steps"]
    occurred: Float[np.ndarray, " steps"]
    counts: Int[np.ndarray, " steps"]


def calibration_of(model: "TableModel", held: Frame, rng: np.random.Generator) -> tuple[Ranks | Reliability, ...]:
    """Return the calibration of the columns that are one number or category, by rows that were held out."""
    held = held.take(np.sort(rng.permutation(len(held))[:ROWS]))
    cells = condition_cells(model.coding, held)
    out = []
    for name in model.schema.event:
        part, *more = model.coding.places[name]
        if more or len(out) == COLUMNS:
            continue
        own = cells[~np.isnan(cells[:, part, 0]) & np.isfinite(cells[:, part, 2])]
        if len(own):
            levels = model.coding.marginals[part].level_shares is not None
            out.append(_reliability(model, name, own) if levels else _ranks(model, name, own, rng))
    return tuple(out)


def _ranks(model: "TableModel", name: str, cells: RowCells, rng: np.random.Generator) -> Ranks:
    from scipy.stats import kstest

    (part,) = model.coding.places[name]
    found = model.flow.cdf(cells, _others(cells, part), part, cells[:, part, :2]).astype(np.float64)
    low, high = np.clip(found, 0, 1).T
    ranks = low + rng.uniform(size=len(low)) * np.maximum(high - low, 0)
    return Ranks(name, len(cells), np.histogram(ranks, BINS, (0, 1))[0], float(kstest(ranks, "uniform").pvalue))


def _reliability(model: "TableModel", name: str, cells: RowCells) -> Reliability:
    (part,) = model.coding.places[name]
    codes = cells[:, part, 0].astype(int)
    frequent = np.argsort(-np.bincount(codes), kind="stable")[:LEVELS]
    frequent = np.sort(frequent[np.isin(frequent, codes)])
    asked = np.unique(np.concatenate([frequent, np.maximum(frequent - 1, 0)]))
    scores = np.broadcast_to(asked.astype(float), (len(cells), len(asked)))
    up_to = model.flow.cdf(cells, _others(cells, part), part, scores).astype(np.float64)
    below = np.where(frequent > 0, up_to[:, np.searchsorted(asked, np.maximum(frequent - 1, 0))], 0.0)
    said = np.clip(up_to[:, np.searchsorted(asked, frequent)] - below, 0, 1).ravel()
    occurred = (codes[:, None] == frequent).ravel().astype(float)
    step = np.minimum((said * STEPS).astype(int), STEPS - 1)
    counts = np.bincount(step, minlength=STEPS)
    some = counts > 0
    mean_said, mean_occurred = (np.bincount(step, values, STEPS)[some] / counts[some] for values in (said, occurred))
    return Reliability(name, len(cells), mean_said, mean_occurred, counts[some])


def _others(cells: RowCells, part: int) -> np.ndarray:
    seen = ~np.isnan(cells[..., 0])
    seen[:, part] = False
    return seen
