"""Successive halving: ever fewer candidates with ever longer fits, judged by the same rows."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from tqdm import tqdm

from .rows import Judge
from .state import State
from .trial import Trial

#: The part of the candidates that goes on, and the factor between the lengths of the fits of two rungs.
ETA = 3
#: The largest share of `minutes` that is kept for the last fit.
LAST_SHARE = 0.5


@final
@dataclass(frozen=True)
class Clock:
    """The time that a search has.

    Attributes:
        limit: seconds for all of it; inf for no limit.
        before: seconds that it had run before it was resumed.
        started: `time.monotonic()` of the beginning, or of the resumption.
    """

    limit: float
    before: float
    started: float

    def elapsed(self) -> float:
        """Return the seconds so far."""
        return self.before + time.monotonic() - self.started

    def left(self) -> float:
        """Return the seconds left."""
        return self.limit - self.elapsed()


@final
@dataclass(frozen=True)
class Contest:
    """What a search tries, and how.

    Attributes:
        names: of the candidates.
        rungs: number of rungs.
        epochs: the length of a whole fit of each candidate.
        skipped: (rung, place of a candidate) -> a trial that says that it was skipped.
        run: (rung, place of a candidate) -> its trial, and the log-density of each held-out row unless it failed.
        judge: means over the held-out rows.
        last_factor: the work of an epoch of the last fit, in epochs of a trial.
    """

    names: Sequence[str]
    rungs: int
    epochs: Sequence[int]
    skipped: Callable[[int, int], Trial]
    run: Callable[[int, int], tuple[Trial, np.ndarray | None]]
    judge: Judge
    last_factor: float

    def length(self, rung: int, index: int) -> int:
        """Return the number of epochs of a candidate on a rung: of whole fits on the last, a third on that before."""
        return max(1, round(self.epochs[index] / ETA ** (self.rungs - 1 - rung)))


def go_on(judged: Mapping[int, np.ndarray], judge: Judge) -> list[int]:
    """Return the candidates that go on, best first.

    The best third does, and whoever is behind the best by no more than the standard error of the difference, but no
    more than two thirds of all.

    Arguments:
        judged: the log-density of each held-out row, by the place of the candidate.
        judge: means over these rows.
    """
    order = ranked(judged, judge)
    least, most = math.ceil(len(order) / ETA), math.ceil(2 * len(order) / ETA)

    def ties(index: int) -> bool:
        behind, error = judge.mean(judged[order[0]] - judged[index])
        return error is None or behind <= error

    return [index for place, index in enumerate(order[:most]) if place < least or ties(index)]


def ranked(judged: Mapping[int, np.ndarray], judge: Judge) -> list[int]:
    """Return the candidates, best first; of equals, the first."""
    return sorted(judged, key=lambda index: (-judge.mean(judged[index])[0], index))


def halve(contest: Contest, state: State, clock: Clock, bar: tqdm) -> list[int]:
    """Run all trials that are not in the state yet; return the candidates by their latest trial, best first.

    A candidate that fails is out. One that is skipped, because there is no time, keeps what it had on the rung before.

    Arguments:
        contest: what to try.
        state: what was tried; receives every trial.
        clock: the time that there is; at least one trial is run.
        bar: shows the trials.
    """
    alive = list(range(len(contest.names)))
    latest: dict[int, np.ndarray] = {}
    for rung in range(contest.rungs):
        if rung and len(alive) == 1:
            break
        bar.total = bar.n + len(alive)
        judged: dict[int, np.ndarray] = {}
        for index in alive:
            if (rung, index) not in state.trials:
                bar.set_postfix_str(f"rung {rung + 1} of {contest.rungs}, {contest.names[index]}")
                values = None
                if latest and not _in_time(contest, state, clock, rung, index, ranked(latest, contest.judge)[0]):
                    trial = contest.skipped(rung, index)
                else:
                    trial, values = contest.run(rung, index)
                state.add(rung, index, trial, values, clock.elapsed())
            status = state.trials[rung, index].status
            if status == "judged":
                judged[index] = latest[index] = state.values(rung, index)
            elif status == "failed":
                latest.pop(index, None)
            bar.update()
        if not judged:
            break
        alive = go_on(judged, contest.judge)
    return ranked(latest, contest.judge)


def seconds_of_last(contest: Contest, state: State, index: int) -> float:
    """Return how long a whole last fit of a candidate takes, judged by its latest trial."""
    trials = [t for (_, i), t in state.trials.items() if i == index and t.status == "judged"]
    compiling = max(trial.compiling for trial in trials)
    return compiling + per_epoch(trials[-1]) * contest.epochs[index] * contest.last_factor


def per_epoch(trial: Trial) -> float:
    """Return the seconds of an epoch of a trial, compilation left out as far as JAX reports it."""
    # Durations that JAX reports overlap now and then; a tenth of the whole is left for the epochs in any case.
    return max(trial.seconds - trial.compiling, 0.1 * trial.seconds) / trial.epochs


def _in_time(contest: Contest, state: State, clock: Clock, rung: int, index: int, best: int) -> bool:
    """Whether a trial ends, as far as the trials so far can tell, while there is time for the last fit of the best."""
    if math.isinf(clock.limit):
        return True
    before = state.trials.get((rung - 1, index))
    if before is None:
        seconds = max(trial.seconds for (r, _), trial in state.trials.items() if r == rung)
    else:
        seconds = per_epoch(before) * contest.length(rung, index)
    reserve = min(seconds_of_last(contest, state, best), LAST_SHARE * clock.limit)
    return seconds + reserve <= clock.left()


def decided(contest: Contest, state: State, best: int, withdrawn: Mapping[int, str]) -> tuple[Trial, ...]:
    """Return all trials with what became of them, and how far they are behind the best: last rung first, best first.

    Arguments:
        contest, state: what was tried.
        best: the chosen candidate.
        withdrawn: candidates whose last fit failed, with the reasons.
    """
    trials = state.trials
    latest = {index: rung for (rung, index), trial in sorted(trials.items()) if trial.status == "judged"}
    of_best = state.values(latest[best], best)
    out = []
    for (rung, index), trial in trials.items():
        if trial.status == "judged":
            behind, error = contest.judge.mean(of_best - state.values(rung, index))
            trial = replace(trial, behind=behind, behind_error=error)
            if rung == latest[index] and index == best:
                trial = replace(trial, status="best")
            elif rung == latest[index] and index in withdrawn:
                trial = replace(trial, status="failed", note=withdrawn[index])
            else:
                trial = replace(trial, status="kept" if (rung + 1, index) in trials else "dropped")
        out.append(trial)
    return tuple(sorted(out, key=lambda t: (-t.rung, t.mean is None, -(t.mean or 0.0))))
