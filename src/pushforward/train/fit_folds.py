"""Fit a conditional density once for each fold of the rows, all side by side."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, final

import jax
import numpy as np
from jaxtyping import Float, Int

from .._errors import require
from .._types import Key
from ..distributions import Mixture
from ..distributions._base import AbstractDistribution
from ..networks.weights import redraw
from ..parallel.mesh import sharing
from ..parallel.share import least_rows
from .defaults import VECTORS
from .loop.minimize import Problem
from .loop.result import FitResult
from .members import explain_member, mean_validation, stack, unstack
from .objectives.data._base import BatchLoss
from .objectives.data.evaluate import evaluator
from .objectives.data.maximum_likelihood import MaximumLikelihood
from .optimization import Optimization
from .rows.rows import Chunk, Rows, shuffled
from .session import Plan, session

#: How often the densities are validated at most, which takes as long as some steps, and the share of these times
#: without a better loss at which the fit stops.
VALIDATIONS, PATIENCE = 30, 0.25


@final
@dataclass(frozen=True)
class FoldsResult:
    """Densities of which each was fitted without one fold of the rows.

    Attributes:
        result: the fit; its flow is the equal mixture of the densities.
        log_prob: of each row, in nats, by the density that has not seen it.
    """

    result: FitResult[Mixture]
    log_prob: Float[np.ndarray, " rows"]


def fit_folds(
    key: Key,
    flow: AbstractDistribution,
    x: np.ndarray,
    condition: np.ndarray,
    folds: Int[np.ndarray, " rows"],
    weights: Float[np.ndarray, " rows"] | None = None,
    *,
    optimization: Optimization,
    batch_size: int,
    max_passes: int,
) -> FoldsResult:
    """Fit as many densities as there are folds by maximum likelihood, each to the rows of the other folds.

    All stop at one epoch, at which the held-out rows are likeliest on average: so that every row decides on it.

    Arguments:
        key: random key: decides the order of the rows and the initial weights.
        flow: the initial density; the others start from other weights of its networks.
        x, condition: as for `pushforward.fit`.
        folds: the fold of each row: 0, 1, ..., at least two of them, none empty.
        weights: shape (rows,), positive, of any scale.
        optimization: see `Optimization`.
        batch_size: the most rows of one step.
        max_passes: the most passes over the rows.

    Raises:
        ValueError: if a fold is empty.
        NonFiniteError: if too many steps in a row are not finite.
    """
    started = time.monotonic()
    counts = np.bincount(folds)
    require(len(counts) > 1 and bool(counts.min() > 0), "folds", "two or more, none of them empty", counts)
    count, seed = len(counts), np.asarray(jax.random.key_data(key))
    table = Rows(np.asarray(x), np.asarray(condition), None if weights is None else np.asarray(weights, np.float64))
    used, vals = np.arange(len(folds)), [np.flatnonzero(folds == fold) for fold in range(count)]
    objective = MaximumLikelihood()
    per_epoch = math.ceil(len(used) / batch_size)
    devices = sharing(math.ceil(len(used) / per_epoch), least_rows(VECTORS.kind), flow)
    passes = math.ceil(max_passes / VALIDATIONS)
    epochs = math.ceil(max_passes / passes)
    patience = max(5, math.ceil(PATIENCE * epochs))
    plan = Plan(VECTORS.learning_rate, epochs * passes * per_epoch, epochs, patience, devices, members=count)
    # Evaluated are these rows alone, after each epoch: no larger batches than they fill.
    evaluate = evaluator(objective, table, 0, max(map(len, vals)))
    others = [np.flatnonzero(folds != fold) for fold in range(count)]
    one_pass = shuffled(table, used, batch_size, seed, devices, others)

    def batches(epoch: int, memory: None) -> Iterator[Chunk]:
        return chain.from_iterable(one_pass(epoch * passes + i, memory) for i in range(passes))

    problem = Problem(
        BatchLoss(objective), batches, mean_validation(evaluate, table, vals), explain_member(objective, count)
    )
    starts = [flow, *(redraw(seed, i, flow) for i in range(1, count))]

    def finish(stacked: Any) -> tuple[Mixture, None]:
        return Mixture(unstack(stacked, count)), None

    with session(optimization, plan, dict, checkpoint=None, progress=False, started=started) as run:
        result = run.minimize(key, stack(starts), problem, finish)
    log_prob = np.zeros(len(used))
    for member, val in zip(result.flow.components, vals, strict=True):
        log_prob[val] = -evaluate(member, val)
    return FoldsResult(result, log_prob)
