"""Choose a flow by held-out likelihood."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import jax
import numpy as np
from tqdm import tqdm

from ..._errors import require, require_count, require_key
from ..._types import ArrayLike, Key
from ...distributions import AbstractDistribution
from ...train.loop.fingerprint import digest_rows, tree_digest
from ...train.loop.result import FitResult
from ...train.rows.checks import check_groups, check_table
from .candidates import Builder, Candidate
from .rows import divide
from .rungs import Clock, decided, halve
from .state import State
from .trial import Trial, table_of
from .trials import FAILURES, Choices, Trials


@final
@dataclass(frozen=True, repr=False)
class SearchResult:
    """The flow that a search chose, and all that it tried.

    Attributes:
        flow: the chosen flow, fitted to all rows.
        fit: the record of that fit.
        tried: every fit to the rows of the search: last rung first, best first.
        best: the one of them that decided; its `mean` is the largest of several and therefore slightly too large.
    """

    flow: AbstractDistribution
    fit: FitResult[Any]
    tried: tuple[Trial, ...]
    best: Trial

    def __repr__(self) -> str:
        """Return the table of what was tried, and the last fit."""
        about = "The mean of the best is the largest of several, hence slightly too large."
        return f"SearchResult(best: {self.best.name})\n{table_of(self.tried)}\n{about}\nFitted to all rows: {self.fit}"


def search(
    key: Key,
    x: ArrayLike,
    condition: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    candidates: Mapping[str, Candidate | Builder] | None = None,
    minutes: float | int | None = None,
    rungs: int = 3,
    members: int | None = None,
    judge_fraction: float | int = 0.2,
    val_fraction: float | int = 0.1,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> SearchResult:
    """Choose an architecture, its sizes and settings of its fit by held-out likelihood, and fit it to all rows.

    Successive halving: a share of the rows is held out, and all candidates are fitted to the others, first for a ninth
    of the length of a whole fit, each with a whole schedule of its own. All are judged by the same held-out rows, so
    that differences between them are known far better than their log-likelihoods. The best third goes on to fits three
    times as long, and so does a candidate that is behind the best by no more than the standard error of the difference
    (but no more than two thirds of all). After the last rung the best is fitted to all rows. All candidates have the
    same rows, batches and keys. The same arguments give the same result, unless time decides.

    The held-out log-likelihood of the best is the largest of several, and therefore slightly too large. Judge
    the result by rows that the search has not seen, as `pushforward.models.VectorModel` and the command line do.

    Arguments: Data
        key: random key: decides the rows, the initial weights, and which candidates of the grid are tried.
        x: shape (rows, columns), as for `pushforward.fit`; or of any event's shape for candidates that are functions.
        condition: shape (rows, columns), for a density of x given the condition.
        weights: shape (rows,), non-negative; rows of weight zero are left out.
        groups: shape (rows,), a label for each row. Rows of a group, and copies of a row, are on one side of each
            split, and count as one in standard errors.

    Arguments: Search
        candidates: by name, a `pushforward.models.Candidate` or a function key -> flow. None:
            `pushforward.models.candidates_for`.
        minutes: the time for all of it, the last fit included; None for no limit. A fit begins only if it is expected
            to end in time, judged by the fits before; it is not broken off. Half the time at most is kept for the last
            fit, which is shortened if need be.
        rungs: number of rungs, the last of which runs whole fits.
        members: number of flows of the last fit, of which the result is an equal mixture; None: as `pushforward.fit`.
        judge_fraction: share of the rows that judge the candidates, above 0 and below 1.
        val_fraction: share of the rows of each fit kept for its validation, from 0 to below 1.

    Arguments: Files
        progress: whether to show progress bars; None: iff standard error is a terminal.
        checkpoint: a directory for what was tried and for the fit in progress. The same call again goes on where the
            first was killed, and gives the same result; the time before counts toward `minutes`.

    Raises:
        ValueError: if an argument is not as stated, as `pushforward.fit` raises it, or if `checkpoint` is of another
            search.
        RuntimeError: if every candidate fails.

    Reference:
        "Non-stochastic Best Arm Identification and Hyperparameter Optimization", Jamieson, Talwalkar, 2016.
        "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", Li, Jamieson, DeSalvo, Rostamizadeh,
        Talwalkar, 2018.
    """
    started = time.monotonic()
    require_key(key)
    require(minutes is None or 0 < minutes < math.inf, "minutes", "positive, or None for no limit", minutes)
    require(0 < judge_fraction < 1, "judge_fraction", "above 0 and below 1", judge_fraction)
    require(0 <= val_fraction < 1, "val_fraction", "from 0 to below 1", val_fraction)
    require_count("rungs", rungs)
    if members is not None:
        require_count("members", members)
    choices = Choices.of(candidates, key, x, condition)
    table, used = check_table(choices.flow(next(iter(choices.known))), x, condition, weights)
    labels = None if groups is None else check_groups(groups, len(table.x))
    seed = np.asarray(jax.random.key_data(key))
    rows = divide(table, used, labels, judge_fraction, seed)

    def identity() -> dict[str, str]:
        of_groups = "none" if labels is None else tree_digest(labels)
        given = {"minutes": minutes, "rungs": rungs, "members": members}
        given |= {"judge_fraction": judge_fraction, "val_fraction": val_fraction}
        texts = {name: repr(value) for name, value in given.items()}
        return {
            **digest_rows(table),
            "groups": of_groups,
            "key": tree_digest(seed),
            "candidates": choices.digest(),
            **texts,
        }

    state = State(checkpoint, {} if checkpoint is None else identity())
    clock = Clock(math.inf if minutes is None else 60.0 * minutes, state.seconds, started)
    trials = Trials(choices, rows, key, val_fraction, members, state)
    contest = trials.contest(rungs)
    # For tqdm, None stands for a bar that is shown iff it goes to a terminal.
    with tqdm(desc="search", unit="fit", disable=None if progress is None else not progress) as bar:
        order = halve(contest, state, clock, bar)
    withdrawn: dict[int, str] = {}
    for index in order:
        try:
            result = trials.last(index, contest, clock, progress)
        except FAILURES as error:
            withdrawn[index] = f"the fit to all rows: {error}"
            continue
        tried = decided(contest, state, index, withdrawn)
        return SearchResult(result.flow, result, tried, next(trial for trial in tried if trial.status == "best"))
    failed = [f"{trial.name}: {trial.note}" for trial in state.trials.values() if trial.status == "failed"]
    raise RuntimeError(f"Every candidate failed. {'; '.join([*failed, *withdrawn.values()])}")
