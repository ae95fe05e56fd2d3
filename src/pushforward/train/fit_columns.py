"""Fit the density of the columns of a table, each given any others."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .._errors import bad, require, require_count, require_key
from .._types import Key
from ..columns.any_order import AnyOrder
from ..networks.weights import redraw
from ..parallel.mesh import sharing
from ..parallel.share import least_rows
from .defaults import COLUMNS, Length
from .loop.fingerprint import digest_rows, digest_start, tree_digest
from .loop.minimize import Problem
from .loop.result import FitResult
from .members import explain_member, mean_validation, stack, unstack
from .objectives.data._base import BatchLoss
from .objectives.data.any_subset import AnySubset
from .objectives.data.evaluate import evaluator, validation
from .optimization import Optimization
from .rows.checks import check_groups
from .rows.rows import Rows, shuffled
from .rows.split import split_for_members
from .session import Plan, session

#: Below so many rows a fit has several members by default.
FEW, SEVERAL = 5000, 4
#: Steps without a better validation loss, beyond which a fit stops.
PATIENCE = 150
#: Rows whose values decide the order of the parts.
JUDGES = 4096


def fit_columns(
    key: Key,
    model: AnyOrder,
    cells: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    given: Sequence[int] = (),
    marks: Sequence[tuple[int, Sequence[int]]] = (),
    groups: Any = None,
    members: int | None = None,
    optimization: Optimization | None = None,
    batch_size: int | None = None,
    max_epochs: int | None = None,
    patience: int | None = None,
    val_fraction: float | int = 0.1,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> FitResult[AnyOrder]:
    """Fit the density of every part of a row given any others, by the likelihood of random subsets.

    See `pushforward.train.AnySubset` for what is minimized. In the density of a row conditions come first, then marks,
    then the parts that no row lacks, by the entropy of their values: many rows agree in those of few values, and share
    the work. Last come the others, those that most rows lack at the end: what is known of a part from some rows alone,
    such as damages where there was an accident, is then asked for given all else, and not all else given it.

    Arguments: Start
        key: random key: decides validation rows, the order of the others, and the subsets.
        model: the initial model, of one member.

    Arguments: Data
        cells: shape (rows, parts, 3), see `pushforward.columns.AbstractHead`; NaN where missing.
        weights: shape (rows,), non-negative, of any scale; rows of weight zero are left out.
        given: parts that are conditions only: always seen, never modelled.
        marks: for each part that tells which cells are missing, itself and the parts that it marks.
        groups: a label for each row; all rows of a group are on the same side of the validation split.
        val_fraction: share of the rows kept for validation, from 0 to below 1.
        members: number of networks, whose probabilities are averaged; each keeps validation rows of its own. None:
            four below 5,000 rows, else one.

    Arguments: Optimization
        optimization: see `Optimization`; None for its defaults, with the learning rate, decay and average of this fit.

    Arguments: Length
        batch_size: the most rows of one step; None: 512.
        max_epochs: the most passes over the rows; None for a default that depends on their number.
        patience: number of epochs without a better validation loss after which the fit stops; None: about 150 steps,
            but at least 10 epochs.

    Arguments: Files
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        checkpoint: a directory that receives the state after each epoch, from which the same call resumes.

    Raises:
        ValueError: if an argument is not as stated; if `checkpoint` is of another fit.
        NonFiniteError: if too many steps in a row are not finite.
    """
    started = time.monotonic()
    require_key(key)
    if not isinstance(model, AnyOrder) or model.members != 1:
        raise bad("model", "a pf.columns.AnyOrder of one member", f"`{type(model).__name__}`")
    parts = len(model.heads)
    shape = np.shape(cells)
    require(len(shape) == 3 and shape[1:] == (parts, 3), "cells", f"of shape (rows, {parts}, 3)", f"`shape {shape}`")
    require(shape[0] >= 2, "cells", "at least two rows", f"`{shape[0]} rows`")
    optimization = Optimization() if optimization is None else optimization
    batch_size = COLUMNS.batch_size if batch_size is None else require_count("batch_size", batch_size)
    seed = np.asarray(jax.random.key_data(key))
    table = Rows(np.asarray(cells), weights=None if weights is None else np.asarray(weights, np.float64))
    used = np.arange(shape[0]) if table.weights is None else np.flatnonzero(table.weights)
    require(len(used) >= 2, "weights", "positive in at least two rows", f"`{len(used)} positive`")
    labels = None if groups is None else check_groups(groups, shape[0])[used]
    targets = tuple(i for i in range(parts) if i not in set(given))
    order = _order(np.asarray(cells)[used[:JUDGES]], targets, [mark for mark, _ in marks])
    objective = AnySubset(targets, order, tuple((mark, tuple(marked)) for mark, marked in marks))
    objective.check(model, table)
    count = (SEVERAL if len(used) < FEW else 1) if members is None else require_count("members", members)
    if patience is None:
        patience = max(10, math.ceil(PATIENCE * batch_size / len(used)))
    length = Length(batch_size, max_epochs, patience, val_fraction)
    splits = split_for_members(table, used, val_fraction, seed, labels, count)
    train = splits[0][0] if count == 1 else used

    per_epoch = length.steps_per_epoch(len(train))
    epochs = length.epochs(len(train), COLUMNS)
    devices = sharing(math.ceil(len(train) / per_epoch), least_rows(COLUMNS.kind), model)
    several = count if count > 1 else None
    plan = Plan(
        COLUMNS.learning_rate,
        epochs * per_epoch,
        epochs,
        patience,
        devices,
        members=several,
        decay=COLUMNS.decay,
        average=COLUMNS.average,
    )

    def identity() -> dict[str, str]:
        settings = {**asdict(replace(length, max_epochs=epochs)), **objective.settings, "members": count}
        of_groups = {"groups": None if labels is None else tree_digest(labels)}
        return {**digest_rows(table), **digest_start(seed, model, {**settings, **of_groups})}

    def finish(trained: Any) -> tuple[AnyOrder, None]:
        networks = [m.network for m in (unstack(trained, count) if several else [trained])]
        network = stack(networks) if several else networks[0]
        return AnyOrder(model.heads, network, (*given, *order), count), None

    with session(optimization, plan, identity, checkpoint=checkpoint, progress=progress, started=started) as run:
        models = [model, *(redraw(seed, i, model) for i in range(1, count))]
        vals = [val for _, val in splits]
        evaluate = evaluator(objective, table, len(train), len(vals[0]))
        if several is None:
            batches = shuffled(table, train, length.batch_size, seed, devices)
            problem = Problem(BatchLoss(objective), batches, validation(evaluate, table, vals[0]), objective.explain)
            return run.minimize(key, models[0], problem, finish)
        batches = shuffled(table, used, length.batch_size, seed, devices, [own for own, _ in splits])
        validate, explain = mean_validation(evaluate, table, vals), explain_member(objective, count)
        problem = Problem(BatchLoss(objective), batches, validate, explain)
        return run.minimize(key, stack(models), problem, finish)


def _order(cells: np.ndarray, targets: Sequence[int], marks: Sequence[int]) -> tuple[int, ...]:
    """Return the targets in the order of densities and draws."""
    lacking = np.isnan(cells[..., 0]).mean(axis=0)
    return tuple(sorted(targets, key=lambda part: (part not in marks, lacking[part], _entropy(cells[:, part]))))


def _entropy(cells: np.ndarray) -> float:
    """Return the entropy of the values of a part in some rows, in nats."""
    counts = np.unique(cells[~np.isnan(cells[:, 0]), :2], axis=0, return_counts=True)[1]
    shares = counts / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())
