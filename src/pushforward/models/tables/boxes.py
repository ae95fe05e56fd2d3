"""Sets of values that a column may have, draws within them, and their probability."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float

from ...columns import AnyOrder
from .coding import Coding, RowCells

#: Scores from above the first to the second.
Interval: TypeAlias = tuple[float, float]
#: The scores of one part of a whole column, whatever they are.
ALL: Interval = (-np.inf, np.inf)


@final
@dataclass(frozen=True)
class Boxes:
    """The values that a column may have: a union of boxes of scores.

    Attributes:
        parts: the parts of the column; of dates the later ones are finer.
        boxes: of each its interval for each part. Of boxes that agree in all parts before one, the intervals of that
            part are equal or disjoint.
    """

    parts: tuple[int, ...]
    boxes: tuple[tuple[Interval, ...], ...]

    def hold(self, cells: RowCells) -> Bool[np.ndarray, " rows"]:
        """Return the rows whose values are in a box; a missing part may be in any."""
        inside = np.zeros((len(cells), len(self.boxes)), bool)
        for number, box in enumerate(self.boxes):
            low, high = np.asarray(box).T
            own = cells[:, list(self.parts)]
            within = (own[..., 0] >= low - 1e-6) & (own[..., 1] <= high + 1e-6)
            inside[:, number] = (within | np.isnan(own[..., 0])).all(axis=1)
        return np.asarray(inside.any(axis=1))


def draw_within(
    model: AnyOrder, coding: Coding, cells: RowCells, boxes: Boxes, rng: np.random.Generator
) -> tuple[RowCells, Float[np.ndarray, " rows"]]:
    """Return rows with a column drawn within boxes, given their other cells, and their weights.

    With one part the draw is exact, and the weight is the probability of the boxes. With several, each is drawn in turn
    given those before, and the weight is the product of the probabilities.
    """
    open_boxes = np.ones((len(cells), len(boxes.boxes)), bool)
    weight = np.ones(len(cells))
    for place, part in enumerate(boxes.parts):
        intervals = sorted({box[place] for box in boxes.boxes})
        of_box = np.array([intervals.index(box[place]) for box in boxes.boxes])
        allowed = np.stack([(open_boxes & (of_box == i)).any(axis=1) for i in range(len(intervals))], axis=1)
        scores, chosen, mass = _draw_part(model, cells, part, intervals, allowed, rng)
        open_boxes &= of_box == chosen[:, None]
        weight *= mass
        cells = with_scores(coding, cells, part, scores)
    return cells, weight


def _draw_part(
    model: AnyOrder,
    cells: RowCells,
    part: int,
    intervals: Sequence[Interval],
    allowed: Bool[np.ndarray, "rows k"],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores within the allowed intervals, the numbers of these, and their probability."""
    low_end, high_end = model.heads[part].ends
    ends = np.clip(np.asarray(intervals, np.float64), low_end, high_end)
    scores = np.broadcast_to(ends.reshape(-1), (len(cells), ends.size))
    seen = ~np.isnan(cells[..., 0])
    found = model.cdf(cells, seen, part, scores).astype(np.float64)
    below, mass = found[:, 0::2], np.where(allowed, np.maximum(found[:, 1::2] - found[:, 0::2], 0), 0.0)
    total, up_to = mass.sum(axis=1), np.cumsum(mass, axis=1)
    u = rng.uniform(size=len(cells)) * total
    chosen = np.minimum((up_to <= u[:, None]).sum(axis=1), mass.shape[1] - 1)
    rows = np.arange(len(cells))
    level = below[rows, chosen] + u - (up_to - mass)[rows, chosen]
    drawn = model.quantiles(cells, seen, part, level[:, None])[:, 0].astype(np.float64)
    low, high = ends[chosen].T
    # The lower end belongs to the value below.
    low = np.minimum(low + 1e-6 * np.maximum(1, np.abs(low)), (low + high) / 2)
    return np.clip(drawn, low, high), chosen, total


def with_scores(coding: Coding, cells: RowCells, part: int, scores: np.ndarray) -> RowCells:
    """Return rows with one more part, given by its scores."""
    values = coding.marginals[part].values(scores)
    out = cells.copy()
    out[:, part] = coding.marginals[part].cells(values)
    return out
