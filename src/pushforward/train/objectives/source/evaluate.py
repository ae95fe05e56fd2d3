"""Marginal likelihoods of observations: before a fit begins, after each epoch, and when it fails."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...._errors import bad
from ...._types import Key
from ...rows.batch import Batch
from ...rows.rows import Rows
from .log_marginal import LogMeanExp, Simulated, log_marginals

#: Rows of a batch of an evaluation, and number of rows checked before the fit.
EVALUATION_ROWS, CHECKED_ROWS = 128, 512
#: The most draws that evaluate a source: of the source, and of a proposal.
JUDGED, JUDGED_PROPOSED = 1024, 128


def check_start(model: Simulated, table: Rows, rows: np.ndarray, judge: LogMeanExp, key: Key) -> np.ndarray:
    """Return log p(x) of some rows under the initial source.

    Raises:
        ValueError: if it is not finite.
    """
    rows = rows[:CHECKED_ROWS]
    found = evaluate_rows(model, table, rows, judge, key)
    wrong = np.isnan(found) | np.isposinf(found)
    if wrong.any():
        value = f"`{found[wrong][0]}` at row {rows[wrong][0]} of `x`, and at {wrong.sum()} of {len(rows)} rows"
        raise bad("surrogate", "a log-likelihood, finite or -inf", value)
    zero = np.isneginf(found)
    if zero.any():
        rule = f"explained by the source to begin from, of which {judge.draws} draws were tried"
        value = f"`{zero.sum()} of {len(rows)} rows of likelihood zero`, first row {rows[zero][0]}"
        remedy = "Drop these rows, or begin with a wider source."
        raise bad("x", rule, value, remedy)
    return found


def evaluate_rows(model: Simulated, table: Rows, rows: np.ndarray, judge: LogMeanExp, key: Key) -> np.ndarray:
    """Return log p(x) of rows of the table, with the same draws for all of them."""
    size = min(EVALUATION_ROWS, len(rows))
    count = math.ceil(len(rows) / size)
    padded = np.concatenate([rows, np.repeat(rows[:1], count * size - len(rows))])
    batches = table.batches(padded.reshape((count, size)), 1.0)
    return np.asarray(log_marginals(model, batches, key, judge), np.float64).ravel()[: len(rows)]


def validation(table: Rows, val: np.ndarray, judge: LogMeanExp, key: Key) -> Callable[[Simulated], float] | None:
    """Return a function (model) -> the mean of -log p(x) of the validation rows; None if there are none."""
    if not len(val):
        return None
    return lambda model: -float(np.mean(evaluate_rows(model, table, val, judge, key)))


def explain(model: Simulated, batch: Batch, rows: np.ndarray) -> str:
    """Return a sentence that says which values are not finite in a skipped batch."""
    theta = np.asarray(model.source.sample(jax.random.key(0), CHECKED_ROWS))
    wrong = ~np.isfinite(theta).reshape((CHECKED_ROWS, -1)).all(axis=1)
    if wrong.any():
        return f"{wrong.sum()} of {CHECKED_ROWS} draws of the source are not finite: it diverged."
    log_w = np.asarray(eqx.filter_jit(Simulated.log_weights)(model, jnp.asarray(batch.x), jax.random.key(0), JUDGED))
    wrong = (np.isnan(log_w) | np.isposinf(log_w)).any(axis=1) & (rows >= 0)
    if wrong.any():
        return f"The log-likelihood is NaN or +inf at draws of the source, in row {rows[wrong][0]} of `x`."
    zero = np.isneginf(log_w).all(axis=1) & (rows >= 0)
    if zero.any():
        where = f"in {zero.sum()} rows of `x`, first {rows[zero][0]}"
        return f"The likelihood is zero at all {JUDGED} draws of the source {where}."
    return "Values of the log-likelihood are finite: it is the density of the source, or its gradient, that is not."
