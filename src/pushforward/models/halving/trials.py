"""The fits of a search: those of its rungs, and the last."""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import jax
import numpy as np
from jaxtyping import Array

from ..._columns import read_columns
from ..._errors import bad, require
from ..._types import ArrayLike, Key
from ...distributions import AbstractDistribution
from ...train.defaults import Length, defaults_for
from ...train.fit import fit
from ...train.loop.fingerprint import tree_digest
from ...train.loop.result import FitResult
from .candidates import Builder, Candidate, candidates_for, seed_of
from .compiling import forget_if_many, stopwatch
from .rows import SearchRows
from .rungs import Clock, Contest, seconds_of_last
from .state import State
from .trial import Trial

#: What ends a trial and not the search: not finite, or too large for the memory.
FAILURES = (RuntimeError, ArithmeticError, MemoryError)
#: Characters of an error that a trial keeps.
NOTE = 200


@final
@dataclass(frozen=True)
class Choices:
    """The candidates of a search, and how each is built: all from one key.

    Attributes:
        known: the candidates by name.
        key: random key of the initial weights.
        dim, cond_dim: elements of event and condition, for candidates that are settings.
    """

    known: dict[str, Candidate | Builder]
    key: Array
    dim: int
    cond_dim: int

    @staticmethod
    def of(
        candidates: Mapping[str, Candidate | Builder] | None, key: Key, x: ArrayLike, condition: ArrayLike | None
    ) -> "Choices":
        """Check the candidates; without any, take those for the shapes of the rows.

        Raises:
            ValueError: if there is none, or one is neither settings nor a function; if x is no matrix where it must be.
        """
        rule = "a dictionary of at least one `pushforward.models.Candidate` or function key -> flow"
        if candidates is not None:
            require(isinstance(candidates, Mapping) and len(candidates) > 0, "candidates", rule, candidates)
            for name, candidate in candidates.items():
                value = f"`{type(candidate).__name__}` under {name!r}"
                require(isinstance(candidate, Candidate) or callable(candidate), "candidates", rule, value)
            if not any(isinstance(candidate, Candidate) for candidate in candidates.values()):
                return Choices(dict(candidates), jax.random.fold_in(key, 0), 0, 0)
        (n, dim), cond_dim = _shape("x", x), 0 if condition is None else _shape("condition", condition)[1]
        if candidates is None:
            candidates = candidates_for(n, dim, cond_dim, seed=seed_of(key))
        return Choices(dict(candidates), jax.random.fold_in(key, 0), dim, cond_dim)

    def flow(self, name: str) -> AbstractDistribution:
        """Return a candidate's flow, not fitted yet."""
        candidate = self.known[name]
        is_settings = isinstance(candidate, Candidate)
        flow = candidate.build(self.key, self.dim, self.cond_dim) if is_settings else candidate(self.key)
        if not isinstance(flow, AbstractDistribution):
            raise bad("candidates", "functions that return a flow", f"`{type(flow).__name__}` from {name!r}")
        return flow

    def settings(self, name: str) -> Candidate | None:
        """Return the settings of a candidate; None for a function."""
        candidate = self.known[name]
        return candidate if isinstance(candidate, Candidate) else None

    def digest(self) -> str:
        """Return a text that is the same only for the same candidates."""
        parts = []
        for name in self.known:
            settings = self.settings(name)
            parts.append((name, tree_digest(self.flow(name)) if settings is None else settings.to_json()))
        return tree_digest(np.frombuffer(json.dumps(parts).encode(), np.uint8))


@final
class Trials:
    """Runs the fits of a search.

    Arguments:
        choices: the candidates.
        rows: the rows.
        key: random key of every fit.
        val_fraction: share of the rows of each fit kept for its validation.
        members: number of flows of the last fit, or None for the default.
        state: keeps the fits in progress.
    """

    def __init__(
        self,
        choices: Choices,
        rows: SearchRows,
        key: Key,
        val_fraction: float | int,
        members: int | None,
        state: State,
    ):
        self._choices, self._rows, self._state = choices, rows, state
        self._key = jax.random.fold_in(key, 1)
        self._val_fraction, self._members = val_fraction, members
        self._names = tuple(choices.known)
        self._warned = False

    def contest(self, rungs: int) -> Contest:
        """Return these trials as what `halve` runs."""
        defaults = defaults_for(self._rows.table.x.shape[1:])
        several = defaults.members if self._members is None else self._members

        def epochs(name: str) -> int:
            settings = self._fit_settings(name)
            size, most = settings.get("batch_size") or defaults.batch_size, settings.get("max_epochs")
            length = Length(size, most, 1, self._val_fraction)
            return length.epochs(max(1, round(len(self._rows.train) * (1 - self._val_fraction))), defaults)

        contest = Contest(
            names=self._names,
            rungs=rungs,
            epochs=[epochs(name) for name in self._names],
            run=lambda rung, index: self._run(index, rung, contest.length(rung, index)),
            skipped=lambda rung, index: self._trial(
                index, rung, contest.length(rung, index), 0.0, status="skipped", note="no time"
            ),
            judge=self._rows.judge,
            last_factor=several * len(self._rows.used) / len(self._rows.train),
        )
        return contest

    def last(self, index: int, contest: Contest, clock: Clock, progress: bool | None) -> FitResult[Any]:
        """Fit a candidate to all rows, as long as there is time, and return the result."""
        name = self._names[index]
        expected, left = seconds_of_last(contest, self._state, index), clock.left()
        shorter = max(1, int(contest.epochs[index] * max(0.0, left) / expected)) if left < expected else None
        epochs = self._state.decide_last(index, shorter)
        length = {} if epochs is None else {"max_epochs": epochs}
        with self._warnings():
            return fit(
                self._key,
                self._choices.flow(name),
                **self._rows.arguments(self._rows.used),
                members=self._members,
                val_fraction=self._val_fraction,
                progress=progress,
                checkpoint=self._state.last_place(index),
                **{**self._fit_settings(name), **length},
            )

    def _run(self, index: int, rung: int, epochs: int) -> tuple[Trial, np.ndarray | None]:
        """Fit a candidate to the rows of the search and judge it."""
        forget_if_many()
        name, compiling = self._names[index], stopwatch()
        try:
            with self._warnings():
                result = fit(
                    self._key,
                    self._choices.flow(name),
                    **self._rows.arguments(self._rows.train),
                    members=1,
                    val_fraction=self._val_fraction,
                    progress=False,
                    checkpoint=self._state.fit_place(rung, index),
                    **{**self._fit_settings(name), "max_epochs": epochs},
                )
            values = self._rows.log_prob(result.flow)
        except FAILURES as error:
            note = " ".join(str(error).split())[:NOTE]
            return self._trial(index, rung, epochs, 0.0, status="failed", note=note), None
        except ValueError as error:
            error.add_note(f"This is about the candidate {name!r}.")
            raise
        wrong = int((~np.isfinite(values)).sum())
        if wrong:
            note = f"{wrong:,} of {len(values):,} held-out rows have a log-density that is not finite"
            return self._trial(index, rung, epochs, result.seconds, status="failed", note=note), None
        mean, error = self._rows.judge.mean(values)
        found = {"compiling": min(compiling(), result.seconds), "mean": mean, "standard_error": error}
        return self._trial(index, rung, epochs, result.seconds, **found), values

    def _trial(self, index: int, rung: int, epochs: int, seconds: float, **found: Any) -> Trial:
        name = self._names[index]
        return Trial(name, self._choices.settings(name), rung, epochs, seconds, **found)

    def _fit_settings(self, name: str) -> dict[str, Any]:
        settings = self._choices.settings(name)
        return {} if settings is None else dict(settings.fit)

    @contextmanager
    def _warnings(self) -> Iterator[None]:
        """Let the first fit alone warn of the data, which are the same for all."""
        with warnings.catch_warnings():
            if self._warned:
                warnings.simplefilter("ignore", UserWarning)
            self._warned = True
            yield


def _shape(name: str, rows: ArrayLike) -> tuple[int, int]:
    columns = read_columns(name, rows)
    shape = np.shape(rows) if columns is None else columns.values.shape
    require(len(shape) == 2, name, "of shape (rows, columns)", f"`shape {shape}`")
    return shape[0], shape[1]
