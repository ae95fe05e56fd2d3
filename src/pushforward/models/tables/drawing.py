"""Draws and log-densities of a model of a table, given any cells, sets of values and ranges."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from ..._errors import require, require_count, require_key
from ..._types import Key
from ...data import Frame, read_frame
from ...data.tables.origins import library_of
from .boxes import Boxes, draw_within, with_scores
from .coding import RowCells
from .conditions import Condition, Given, condition_cells, condition_of

if TYPE_CHECKING:
    from .model import TableModel

#: Candidates for each draw, where ranges of several columns call for importance resampling.
CANDIDATES = 16
#: A warning is given if the effective size of the candidates is below this share of the draws asked for.
FEW = 1.0
#: Draws that estimate the probability of several ranges.
ESTIMATE = 4096


def sample(model: "TableModel", key: Key, n: int, given: Given | None, missing: bool, like: Any) -> Any:
    """See `TableModel.sample`."""
    frame = sample_frame(model, key, n, given, missing)
    if like is None:
        return frame.native()
    from dataclasses import replace

    return replace(frame, like=read_frame(like).like).native()


def sample_frame(model: "TableModel", key: Key, n: int, given: Given | None, missing: bool) -> Frame:
    """Return draws as a table."""
    require_key(key)
    require_count("n", n)
    model_given = model.schema.given
    like = None
    if given is None or isinstance(given, Mapping):
        condition = condition_of(model.coding, {} if given is None else given)
        cells = np.repeat(condition.cells[None], n, axis=0)
    else:
        like = model.schema.read(given)
        condition = Condition(np.zeros((0, 3)), ())
        cells = np.repeat(condition_cells(model.coding, like), n, axis=0)
    lacking = [name for name in model_given if np.isnan(cells[:, model.coding.places[name][0], 0]).all()]
    if lacking:
        rule = f"values of {', '.join(model_given)}, on which the model is conditional"
        require(False, "given", rule, "`none`" if given is None else given)
    scores = draw(model, key, cells, condition.within, missing)
    return model.schema.decode(model.coding.values(scores), like)


def draw(
    model: "TableModel", key: Key, cells: RowCells, within: Sequence[Boxes], missing: bool
) -> Float[np.ndarray, "rows parts"]:
    """Return scores of rows, given some of their cells, and intervals of scores for some parts."""
    key_within, key_rest = jax.random.split(key)
    if within:
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key_within)))
        cells = _within(model, cells, within, rng)
    given, gone = ~np.isnan(cells[..., 0]), np.zeros(cells.shape[:2], bool)
    if missing and model.coding.marks:
        key_rest, key_marks = jax.random.split(key_rest)
        cells, gone = _with_holes(model, key_marks, cells)
    scores = model.flow.sample(key_rest, cells, ~np.isnan(cells[..., 0]), draw_order(model, False), gone)
    # The ends of an interval of scores belong to its neighbours as well.
    return np.where(given, cells[..., :2].mean(axis=-1), scores)


def _with_holes(model: "TableModel", key: Key, cells: RowCells) -> tuple[RowCells, Bool[np.ndarray, "rows parts"]]:
    """Return rows with draws of their marks, and which parts are missing in them."""
    marks, given = list(model.coding.marks.values()), ~np.isnan(cells[..., 0])
    scores = model.flow.sample(key, cells, given, marks)
    gone = np.zeros(given.shape, bool)
    for name, mark in model.coding.marks.items():
        # A column that is given is not missing.
        known = given[:, list(model.coding.places[name])].any(axis=1)
        drawn = np.where(known, 0.0, scores[:, mark])
        cells = with_scores(model.coding, cells, mark, drawn)
        gone[np.ix_(drawn == 1, model.coding.places[name])] = True
    return cells, gone


def draw_order(model: "TableModel", missing: bool) -> list[int]:
    """Return the order of the parts that are drawn: marks first, or none."""
    marks = [part for part in model.flow.order if model.coding.is_mark[part]]
    rest = [part for part in model.flow.order if not model.coding.is_mark[part]]
    return [*marks, *rest] if missing else rest


def _in_order(model: "TableModel", within: Sequence[Boxes]) -> list[Boxes]:
    """Return columns in the order in which they are drawn."""
    return sorted(within, key=lambda boxes: model.flow.order.index(boxes.parts[0]))


def _within(model: "TableModel", cells: RowCells, within: Sequence[Boxes], rng: np.random.Generator) -> RowCells:
    """Return rows with draws of the columns that have to lie within boxes."""
    count = len(cells)
    several = sum(len(boxes.parts) for boxes in within) > 1
    if several:
        cells = np.repeat(cells, CANDIDATES, axis=0)
    log_weight = np.zeros(len(cells))
    for boxes in _in_order(model, within):
        cells, weight = draw_within(model.flow, model.coding, cells, boxes, rng)
        with np.errstate(divide="ignore"):
            log_weight += np.log(weight)
    possible = np.isfinite(log_weight)
    require(bool(possible.any()), "given", "conditions that a row can meet", "`conditions of probability zero`")
    if not several:
        return cells
    weight = np.exp(log_weight - log_weight[possible].max()).reshape((count, CANDIDATES))
    # Rows with equal conditions could share their candidates; each has its own, so that draws stay independent.
    total = weight.sum(axis=1)
    effective = np.square(total) / np.maximum(np.square(weight).sum(axis=1), 1e-300)
    chosen = (np.cumsum(weight, axis=1) < rng.uniform(size=(count, 1)) * total[:, None]).sum(axis=1)
    size = float(effective.mean())
    warnings.warn(
        f"Ranges of several columns, or of dates: each draw is resampled from {CANDIDATES} candidates of importance "
        f"weights, an effective {size:.1f} on average.",
        UserWarning,
        stacklevel=5,
    )
    return cells.reshape((count, CANDIDATES, *cells.shape[1:]))[np.arange(count), np.minimum(chosen, CANDIDATES - 1)]


def log_prob_parts(
    model: "TableModel", frame: Frame, given: Given | None, missing: bool
) -> Float[np.ndarray, "rows parts"]:
    """Return what each part adds to the log-density of the rows of a table, given conditions."""
    cells, notes = model.coding.encode(frame)
    for sentence in notes:
        warnings.warn(sentence, UserWarning, stacklevel=4)
    seen = np.zeros(cells.shape[:2], bool)
    seen[:, model.coding.of_columns(model.schema.given)] = True
    within: Sequence[Boxes] = ()
    correction = 0.0
    if given is not None:
        if isinstance(given, Mapping):
            condition = condition_of(model.coding, given)
            one, within = condition.cells, condition.within
            conditions = np.repeat(one[None], len(cells), axis=0)
            correction = _log_probability(model, condition)
        else:
            conditions = condition_cells(model.coding, model.schema.read(given))
            rule = f"a table of {len(cells)} rows, as the table"
            require(len(conditions) == len(cells), "given", rule, f"`{len(conditions)} rows`")
        fixed = ~np.isnan(conditions[..., 0])
        cells, seen = np.where(fixed[..., None], conditions, cells), seen | fixed
    # Columns within boxes come first, as in draws, so that the same order normalizes them.
    first = [part for boxes in _in_order(model, within) for part in boxes.parts]
    order = [*first, *(part for part in draw_order(model, missing) if part not in first)]
    found = model.flow.log_prob_parts(cells, seen, order)
    for boxes in within:
        found[~boxes.hold(cells), boxes.parts[0]] = -np.inf
    if within:
        found[:, within[0].parts[0]] -= correction
    return found


def _log_probability(model: "TableModel", condition: Condition) -> float:
    """Return the logarithm of the probability that all columns lie within their boxes; exact for one part."""
    parts = sum(len(boxes.parts) for boxes in condition.within)
    if not parts:
        return 0.0
    rng = np.random.default_rng(0)
    cells = np.repeat(condition.cells[None], 1 if parts == 1 else ESTIMATE, axis=0)
    total = np.ones(len(cells))
    for boxes in _in_order(model, condition.within):
        cells, weight = draw_within(model.flow, model.coding, cells, boxes, rng)
        total *= weight
    if parts > 1:
        effective = total.sum() ** 2 / max(np.square(total).sum(), 1e-300)
        text = f"The probability of the ranges is estimated from {ESTIMATE:,} draws, an effective {effective:,.0f}."
        warnings.warn(text, UserWarning, stacklevel=5)
    with np.errstate(divide="ignore"):
        return float(np.log(total.mean()))


def impute(model: "TableModel", key: Key, frame: Frame, m: int | None, most_likely: bool) -> Any:
    """See `TableModel.impute`."""
    found = [filled.native() for filled in impute_frames(model, key, frame, m, most_likely)]
    return found[0] if m is None else found


def impute_frames(model: "TableModel", key: Key, frame: Frame, m: int | None, most_likely: bool) -> list[Frame]:
    """Return tables with their missing cells filled in: m, or one."""
    copies = 1 if m is None else require_count("m", m)
    lacking = [name for name in model.coding.places if name not in frame.names]
    cells, _ = model.coding.encode(frame, absent=lacking)
    cells[:, model.coding.is_mark] = np.nan
    event = model.coding.of_columns([name for name in model.schema.event if name in frame.names])
    rows = np.flatnonzero((np.isnan(cells[..., 0]) & event).any(axis=1))
    found = []
    for own in jax.random.split(key, copies):
        filled = frame
        if len(rows):
            some = cells[rows]
            scores = _likeliest(model, some) if most_likely else draw(model, own, some, (), False)
            filled = _filled(model, frame, rows, scores)
        found.append(filled)
    return found


def _likeliest(model: "TableModel", cells: RowCells) -> Float[np.ndarray, "rows parts"]:
    """Return rows in which missing parts are medians, or the likeliest categories, given those before them."""
    cells = cells.copy()
    for part in draw_order(model, False):
        gone = np.flatnonzero(np.isnan(cells[:, part, 0]))
        if not len(gone):
            continue
        some, shares = cells[gone], model.coding.marginals[part].level_shares
        seen = ~np.isnan(some[..., 0])
        if shares is not None:
            codes = np.arange(len(shares), dtype=float)
            up_to = model.flow.cdf(some, seen, part, np.broadcast_to(codes, (len(some), len(codes))))
            scores = np.diff(up_to, axis=1, prepend=0.0).argmax(axis=1).astype(float)
        else:
            scores = model.flow.quantiles(some, seen, part, np.full((len(some), 1), 0.5))[:, 0].astype(float)
        cells[gone] = with_scores(model.coding, some, part, scores)
    return cells[..., :2].mean(axis=-1)


def _filled(model: "TableModel", frame: Frame, rows: np.ndarray, scores: np.ndarray) -> Frame:
    """Return a table whose missing cells in some rows are those that scores stand for; other cells stay as they are."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made at run time, so type checkers do not know them
    drawn = model.schema.decode(model.coding.values(scores)).table
    place = np.full(len(frame), -1)
    place[rows] = np.arange(len(rows))
    table = frame.table
    for i, name in enumerate(frame.names):
        if name not in model.schema.event:
            continue
        old = table[name].combine_chunks()
        gone = old.is_null(nan_is_null=True)
        if not pc.any(gone).as_py():
            continue
        at = pa.array(np.where(place >= 0, place, 0), mask=place < 0)
        new = drawn[name].combine_chunks().take(at)
        if pa.types.is_dictionary(old.type):
            plain = old.type.value_type
            cells = pc.if_else(gone, new.cast(plain), old.cast(plain))
            places = pc.index_in(cells, old.dictionary.cast(plain)).cast(old.type.index_type)
            filled = pa.DictionaryArray.from_arrays(places, old.dictionary, ordered=old.type.ordered)
        else:
            filled = pc.if_else(gone, new.cast(old.type), old)
        table = table.set_column(i, name, filled)
    from dataclasses import replace

    return replace(frame, table=table)


def with_column(frame: Frame, name: str, values: np.ndarray) -> Frame:
    """Return a table with one more column of numbers, which replaces one of the same name."""
    from dataclasses import replace

    import pyarrow as pa

    if name in frame.names:
        text = f"The table has a column {name} already: it is replaced."
        warnings.warn(text, UserWarning, stacklevel=4)
        frame = frame.select([other for other in frame.names if other != name])
    return replace(frame, table=frame.table.append_column(name, pa.array(values)))


def native(columns: Mapping[str, Any], like: Frame) -> Any:
    """Return columns as a table of the library that another table came from."""
    import pyarrow as pa

    return Frame(pa.table(dict(columns)), like=library_of(like.like)).native()
