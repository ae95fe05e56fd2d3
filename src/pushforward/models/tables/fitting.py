"""The fit of a model of a table."""

from typing import Any

import numpy as np

from ..._types import Key
from ...columns import AnyOrder
from ...train import FitResult, Optimization, fit_columns
from .coding import Coding, RowCells
from .network import with_marginals


def fitted(
    key: Key,
    density: AnyOrder,
    coding: Coding,
    cells: RowCells,
    weights: np.ndarray | None,
    learning_rate: float | int | None,
    settings: dict[str, Any],
) -> FitResult[AnyOrder]:
    """Return the result of a fit to the cells of the training rows.

    Arguments:
        key: random key.
        density: the network to begin from.
        coding: with the marginals of these rows.
        cells, weights: of the rows.
        learning_rate: peak of the learning rate, or None.
        settings: further arguments of `fit_columns`.
    """
    given = np.flatnonzero(coding.of_columns(coding.schema.given)).tolist()
    optimization = None if learning_rate is None else Optimization(learning_rate=learning_rate)
    start = with_marginals(coding, density)
    marks = [(mark, coding.places[name]) for name, mark in coding.marks.items()]
    return fit_columns(key, start, cells, weights, given=given, marks=marks, optimization=optimization, **settings)
