"""Losses of many rows: of the validation rows after each epoch, and of all rows before a fit begins."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import jax
import numpy as np
from jaxtyping import Array, Float

from ...._errors import bad
from ....distributions._base import AbstractDistribution
from ....numerics.keys import split_keys
from ....parallel.compile import compiled
from ...rows import rows as _rows
from ...rows.batch import Batch
from ...rows.rows import Rows
from ._base import AbstractDataObjective

#: Rows of a batch, elements of its events, and batches of one evaluation.
EVALUATION_ROWS, EVALUATION_ELEMENTS = 1024, 1 << 17
EVALUATION_BATCHES = 8

#: (model, rows of the table) -> the loss of each row.
Evaluate: TypeAlias = Callable[[Any, np.ndarray], np.ndarray]


def evaluator(objective: AbstractDataObjective, table: Rows, num_train: int, num_val: int) -> Evaluate:
    """Return a function (model, rows) -> the loss of each row, which compiles once for any number of rows.

    It uses the same random numbers in every call.
    """
    elements = max(1, math.prod(table.x.shape[1:]))
    size = min(EVALUATION_ROWS, max(16, EVALUATION_ELEMENTS // elements), num_train + num_val)
    wanted = max(math.ceil(num_val / size), min(EVALUATION_BATCHES, math.ceil(num_train / size)))
    count = max(1, min(wanted, _rows.CHUNK_BYTES // (size * table.bytes_per_row())))

    @cache
    def keys(start: int) -> Array:
        return split_keys(jax.random.key(start), count)

    def evaluate(model: Any, rows: np.ndarray) -> np.ndarray:
        losses = []
        for start in range(0, len(rows), count * size):
            part = rows[start : start + count * size]
            padded = np.concatenate([part, np.repeat(part[:1], count * size - len(part))])
            batches = table.batches(padded.reshape((count, size)), 1.0)
            found = losses_of_batches(objective, model, batches, keys(start))
            losses.append(np.asarray(found, np.float64).ravel()[: len(part)])
        return np.concatenate(losses)

    return evaluate


@compiled
def losses_of_batches(
    objective: AbstractDataObjective, model: Any, batches: Batch, keys: Array
) -> Float[Array, "batches rows"]:
    """Return the loss of each row of stacked batches, one batch after the other."""
    return jax.lax.map(lambda at: objective.row_losses(model, *at), (batches, keys))


def validation(evaluate: Evaluate, table: Rows, val: np.ndarray) -> Callable[[Any], float] | None:
    """Return a function (model) -> the weighted mean loss of the validation rows; None if there are none."""
    if not len(val):
        return None
    weights = np.ones(len(val)) if table.weights is None else table.weights[val]
    return lambda model: float(np.average(evaluate(model, val), weights=weights / weights.max()))


def check_support(
    objective: AbstractDataObjective, evaluate: Evaluate, model: Any, table: Rows, used: np.ndarray
) -> None:
    """Check that every row has a finite loss before any training.

    Raises:
        ValueError: if the loss of a row is not finite.
    """
    outside = used[~np.isfinite(evaluate(model, used))]
    if outside.size:
        shown = ", ".join(map(str, outside[:5]))
        some = outside[:EVALUATION_ROWS]
        cause = _broken_rule(objective.finish(model)[0], table.x[outside[0]])
        cause = cause or objective.explain(model, table.batches(some, 1.0), some)
        raise bad(
            "x",
            "inside the support of `flow`",
            f"`{outside.size} of {len(used)} rows without a finite log-density`, first row {shown}",
            f"{cause} Drop these rows, or build the flow on a support that holds them.",
        )


def _broken_rule(flow: AbstractDistribution, event: np.ndarray) -> str:
    """Return a sentence on the rule of the support that an event breaks; "" if there is none or it is unknown."""
    try:
        reason = flow.support.explain(event)
    except ValueError:
        return ""
    return f"In that row {reason}." if reason else ""
