"""A report on a model of a table: all figures, and no words or pictures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import jax
import numpy as np

from ..._types import Key
from ...data import Frame
from .._base import Evaluation
from ..record import Lines
from .drawing import sample_frame
from .evaluating import rows_to_judge
from .relating import Relations
from .reporting_calibration import Ranks, Reliability, calibration_of
from .reporting_fidelity import Closeness, Detection, Fidelity, closeness_of, detection_of, fidelity_of
from .reporting_views import ColumnView, PairView, column_views, pair_views
from .reporting_worst import Worst, worst_of

if TYPE_CHECKING:
    from .model import TableModel

#: The most rows that are counted, and draws made.
MOST = 20_000
#: Draws for what columns tell about each other, and the most columns of which this is asked.
TELLING, TOLD = 1000, 30


@final
@dataclass(frozen=True)
class Report:
    """The figures of a report.

    Attributes:
        source: name of the data.
        rows: number of rows of the data.
        about: the description of the model.
        read: sentences on what was read, and on rows that the report leaves out.
        left_out: names of columns without a place in the density, and why.
        evaluation: log-likelihood beside baselines, and which rows were judged.
        columns: data and draws in bins, for each column.
        pairs: data and draws of the pairs of columns that tell most about each other.
        calibration: of each column given all others.
        worst: the least likely rows.
        relations: what tells about what; None if there are too many columns, or one, or conditions.
        fidelity: how near the shares of draws are to those of data.
        detection: whether a classifier, or the model, tells draws from data.
        closeness: distances of draws, and of held-out rows, to the rows of the fit.
    """

    source: str
    rows: int
    about: Lines
    read: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    evaluation: Evaluation
    columns: tuple[ColumnView, ...]
    pairs: tuple[PairView, ...]
    calibration: tuple[Ranks | Reliability, ...]
    worst: Worst
    relations: Relations | None
    fidelity: Fidelity
    detection: Detection
    closeness: Closeness


def report(model: "TableModel", data: Frame, seed: int = 0, source: str = "") -> Report:
    """Return the figures of a report on a model and a table.

    Arguments:
        model: a fitted model.
        data: the table of the fit, or another one.
        seed: decides the draws.
        source: the name of the data.

    Raises:
        ValueError: if a column is missing or there are fewer than four rows.
    """
    frame = model.schema.read(data)
    read = frame.report().splitlines()
    evaluation = model.evaluate(frame)
    train, test, _ = rows_to_judge(model, frame)
    rng, key = np.random.default_rng(seed), jax.random.key(seed)
    some = np.sort(rng.permutation(len(frame))[:MOST])
    if len(some) < len(frame):
        read.append(f"Figures other than the log-likelihood are of {len(some):,} rows drawn at random.")
    shown = frame.take(some)
    drawn = draws(model, jax.random.fold_in(key, 1), shown)
    relations = None
    if 1 < len(model.schema.event) <= TOLD and not model.schema.given:
        relations = model.mutual_information(jax.random.fold_in(key, 2), TELLING)
    fit, held = frame.take(train), frame.take(test)
    columns = column_views(model, shown, drawn)
    return Report(
        source=source,
        rows=len(frame),
        about=model.describe(),
        read=(*read, *model.schema.notes),
        left_out=tuple((column.name, column.reason) for column in model.schema.left_out),
        evaluation=evaluation,
        columns=columns,
        pairs=pair_views(model, columns, shown, drawn, relations),
        calibration=calibration_of(model, held, rng),
        worst=worst_of(model, shown, some),
        relations=relations,
        fidelity=fidelity_of(columns, shown, drawn, rng),
        detection=detection_of(model, jax.random.fold_in(key, 3), shown, drawn),
        closeness=closeness_of(model, fit, held, drawn, rng),
    )


def draws(model: "TableModel", key: Key, shown: Frame) -> Frame:
    """Return as many draws as rows, with empty cells as the table has them; given the conditions of the rows."""
    given, missing = list(model.schema.given), bool(model.coding.marked)
    if given:
        return sample_frame(model, key, 1, shown.select(given), missing)
    return sample_frame(model, key, len(shown), None, missing)
