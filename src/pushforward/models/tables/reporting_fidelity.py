"""Are draws like the rows of a table, and are they new?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import jax
import numpy as np
from jaxtyping import Float

from ..._types import Key
from ...columns import AbstractMarginal
from ...data import Column, Frame
from .comparing import compare
from .reporting_views import ColumnView, axis_of, places_of
from .viewing import OUTSIDE, Axis, as_numbers, has_levels

if TYPE_CHECKING:
    from .model import TableModel

#: The most rows of each side of a detection, of rows whose neighbours are sought, and of those among which.
DETECTED, SOUGHT, AMONG = 4000, 1000, 20_000
#: Bins of numbers whose shares are compared, and the most columns whose pairs are.
BINS, PAIRED = 10, 30
#: A distance at which a row is a copy.
SAME = 1e-6


@final
@dataclass(frozen=True)
class Fidelity:
    """How near the shares of draws in bins are to those of data: one less the total variation distance.

    Attributes:
        names: of the columns.
        alone: for each column, of draws and half of the rows.
        alone_real: the same of the two halves of the rows, the most that draws can be expected to reach.
        pairs, pairs_real: means over the pairs of columns; None if there is one column.
        rows: number of rows of a half.
    """

    names: tuple[str, ...]
    alone: tuple[float, ...]
    alone_real: tuple[float, ...]
    pairs: float | None
    pairs_real: float | None
    rows: int


@final
@dataclass(frozen=True)
class Detection:
    """Whether draws are told from rows.

    Attributes:
        auc: the probability that gradient boosting ranks a draw above a row, by cross-validation: 0.5 if they are
            alike, 1 if they are always told apart; None without scikit-learn.
        p_value: of the model's own test of two samples; None with scikit-learn.
        rows: number of rows, and of draws.
    """

    auc: float | None
    p_value: float | None
    rows: int


@final
@dataclass(frozen=True)
class Closeness:
    """Distances to the nearest row of the fit: from 0, a copy, to 1.

    The distance of two rows is the mean over columns of the difference of their ranks, or of 1 where categories differ
    or one cell is missing.

    Attributes:
        draws, held_out: distances of draws, and of rows that the fit did not see.
        copies: shares of draws and of such rows that are copies of a row of the fit.
        among: number of rows of the fit.
    """

    draws: Float[np.ndarray, " n"]
    held_out: Float[np.ndarray, " m"]
    copies: tuple[float, float]
    among: int


def fidelity_of(views: Sequence[ColumnView], data: Frame, drawn: Frame, rng: np.random.Generator) -> Fidelity:
    """Return how near the shares are, of columns and of pairs of them; empty cells are a bin of their own."""
    axes = [axis_of(view.column, data, drawn, BINS) for view in views]
    half, order = len(data) // 2, rng.permutation(len(data))
    first, second = (places_of(axes, data.take(rows)) for rows in (order[:half], order[half : 2 * half]))
    draws = places_of(axes, drawn.take(rng.permutation(len(drawn))[:half]))
    alone, real = (
        [_near(a, b, axis.size + 2) for a, b, axis in zip(first, other, axes, strict=True)] for other in (draws, second)
    )
    pairs = [(i, j) for i in range(min(len(axes), PAIRED)) for j in range(i)]
    of_draws, of_rows = (
        float(np.mean([_near_pair(first, other, axes, *pair) for pair in pairs])) if pairs else None
        for other in (draws, second)
    )
    return Fidelity(tuple(axis.name for axis in axes), tuple(alone), tuple(real), of_draws, of_rows, half)


def _near(a: np.ndarray, b: np.ndarray, size: int) -> float:
    shares = [np.bincount(places - OUTSIDE, minlength=size) / max(len(places), 1) for places in (a, b)]
    return float(1 - 0.5 * np.abs(shares[0] - shares[1]).sum())


def _near_pair(x: list[np.ndarray], y: list[np.ndarray], axes: Sequence[Axis], i: int, j: int) -> float:
    width = axes[j].size + 2
    a, b = ((rows[i] - OUTSIDE) * width + rows[j] for rows in (x, y))
    return _near(a, b, (axes[i].size + 2) * width)


def detection_of(model: "TableModel", key: Key, data: Frame, drawn: Frame) -> Detection:
    """Return whether rows and draws are told apart, by gradient boosting if scikit-learn is there."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    count = min(len(data), len(drawn), DETECTED)
    rows, draws = (frame.take(rng.permutation(len(frame))[:count]) for frame in (data, drawn))
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
    except ImportError:
        return Detection(None, compare(model, key, rows, draws).p_value, count)
    columns = [column for column in model.schema.columns if column.role != "weight"]
    features = np.stack([_feature(column, rows, draws) for column in columns], axis=1)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    classifier = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    labels = np.repeat([0, 1], count)
    said = np.asarray(cross_val_predict(classifier, features, labels, cv=folds, method="predict_proba"))[:, 1]
    of_rows, of_draws = np.sort(said[:count]), said[count:]
    # The area under the curve is the share of pairs of which the draw is ranked above; half of those that are tied.
    wins = np.searchsorted(of_rows, of_draws, "left") + np.searchsorted(of_rows, of_draws, "right")
    return Detection(float(wins.mean() / (2 * count)), None, count)


def _feature(column: Column, rows: Frame, draws: Frame) -> Float[np.ndarray, " both"]:
    """Return a column of rows and draws as numbers; levels by their frequency in the rows, so that trees can split."""
    cells = [frame.table[column.name] for frame in (rows, draws)]
    if not has_levels(column, cells[0].type):
        return np.concatenate([as_numbers(own) for own in cells])
    texts = [own.to_pylist() for own in cells]
    place = {value: i for i, (value, _) in enumerate(Counter(texts[0]).most_common())}
    return np.asarray([np.nan if v is None else place.get(v, -1) for both in texts for v in both], float)


def closeness_of(model: "TableModel", fit: Frame, held: Frame, drawn: Frame, rng: np.random.Generator) -> Closeness:
    """Return the distances of draws and held-out rows to the nearest rows of the fit."""
    among, sought, draws = (
        model.coding.encode(frame.take(rng.permutation(len(frame))[:most]))[0]
        for frame, most in ((fit, AMONG), (held, SOUGHT), (drawn, SOUGHT))
    )
    found = [_nearest(model, cells, among) for cells in (draws, sought)]
    copies = [float(np.mean(distances < SAME)) if len(distances) else 0.0 for distances in found]
    return Closeness(found[0], found[1], (copies[0], copies[1]), len(among))


def _nearest(
    model: "TableModel", cells: Float[np.ndarray, "n parts 3"], among: Float[np.ndarray, "m parts 3"]
) -> Float[np.ndarray, " n"]:
    """Return the distance of each row to the nearest of others."""
    coding = model.coding
    total = np.zeros((len(cells), len(among)), np.float32)
    for places in coding.places.values():
        for part in places:
            total += _distance(coding.marginals[part], cells[:, part], among[:, part]) / len(places)
    return total.min(axis=1).astype(np.float64) / len(coding.places)


def _distance(
    marginal: AbstractMarginal, a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "m 3"]
) -> Float[np.ndarray, "n m"]:
    """Return the distances of the cells of one part, from 0 to 1: 1 between a missing cell and another."""
    found = marginal.apart(a, b)
    both = np.isnan(a[:, 0])[:, None] & np.isnan(b[:, 0])
    return np.where(both, 0, np.where(np.isnan(found), 1, found)).astype(np.float32)
