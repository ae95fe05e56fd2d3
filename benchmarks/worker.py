"""One library in a process of its own, driven by lines of JSON: a request on standard input, an answer on output.

    python -m benchmarks.worker LIBRARY THREADS DEVICE

Started by `python -m benchmarks`.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from . import problem
from .libraries import Model, build, load
from .spec import EVENTS, Spec, UnsupportedError

#: A repetition takes at least so many seconds.
SHORTEST = 0.2
#: Batches of a training step's repetition, at most: an epoch of 20,000 rows.
BATCHES = 40
#: Events of a piece, if all at once are slower or too slow.
PIECE = 1000
#: Seconds that all events may take in pieces for them to be tried at once.
PATIENCE = 20.0


def confine(threads: int) -> None:
    """Run on so many processor cores, and threads, before a library counts them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seconds(f: Callable[[], Any]) -> float:
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


class Session:
    """What a worker answers; each method but `_...` is a request."""

    def __init__(self, library: str, device: str):
        self._library, self._device = library, device
        self._imported = _peak()
        self._model: Model
        self._spec: Spec
        #: By work: what to do, the share of it that is asked for, and how often to do it, once that is known.
        self._prepared: dict[str, tuple[Callable[[], Any], float]] = {}
        self._calls: dict[str, int] = {}

    def build(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Build the flow that the other requests are about."""
        self._spec = Spec(**spec)
        self._model = build(self._library, self._spec)
        return {"parameters": self._model.parameters}

    def prepare(self, work: str, longest: float) -> dict[str, Any]:
        """Compile, and choose what a repetition does: no longer than about `longest` seconds."""
        return self._prepare_step() if work == "step" else self._prepare_events(work, longest)

    def repeat(self, work: str) -> dict[str, float]:
        """Return the seconds of one step or of `EVENTS` events."""
        repeat, share = self._prepared[work]
        if work not in self._calls:
            # Now, because other libraries may have been compiling while this one was prepared.
            repeat()
            self._calls[work] = max(1, int(SHORTEST / _seconds(repeat)))
        calls = self._calls[work]
        return {"seconds": _seconds(lambda: [repeat() for _ in range(calls)]) / calls * share, "calls": calls}

    def compile(self) -> dict[str, float]:
        """Return what the first training step took longer than the second."""
        placed = self._batches(1)
        first = _seconds(lambda: self._model.train(placed))
        return {"seconds": first - _seconds(lambda: self._model.train(placed))}

    def memory(self, work: str) -> dict[str, float]:
        """Return by how many bytes building the flow and doing the work twice raised the peak since the imports."""
        if work == "step":
            placed = self._batches(BATCHES)
            self._model.train(placed)
            self._model.train(placed)
        else:
            x, condition = map(self._model.array, self._spec.data(EVENTS))
            self._model.log_prob(x, condition)
            self._model.log_prob(x, condition)
        return {"bytes": _peak() - self._imported}

    def quality(self) -> dict[str, float]:
        """Return the log-likelihood of fresh rows after `steps` steps, less that of the truth, in nats per row.

        It learns from so many rows that it sees each four times or so, and does not overfit.
        """
        spec = self._spec
        x, _ = problem.draw(200_000, spec.seed + 1)
        self._model.see(x)
        rng = np.random.default_rng(spec.seed)
        for first in range(0, spec.steps, BATCHES):
            rows = rng.permutation(len(x))
            count = min(len(x) // spec.batch, BATCHES, spec.steps - first)
            self._model.train(self._model.place(x[rows[: count * spec.batch]].reshape(count, spec.batch, -1), None))
        fresh, truth = problem.draw(EVENTS, 1000)
        return {"nats": float(np.mean(np.asarray(self._model.log_prob(self._model.array(fresh), None)))) - truth}

    def _batches(self, count: int) -> Any:
        spec = self._spec
        x, condition = spec.data(count * spec.batch)
        shape = (count, spec.batch, -1)
        return self._model.place(x.reshape(shape), None if condition is None else condition.reshape(shape))

    def _prepare_step(self) -> dict[str, Any]:
        train = self._model.train
        placed = self._batches(2)
        first = _seconds(lambda: train(placed))
        one = _seconds(lambda: train(placed)) / 2
        count = BATCHES if self._device == "gpu" else int(np.clip(SHORTEST / one, 2, BATCHES))
        placed = self._batches(count)
        train(placed)
        self._prepared["step"] = lambda: train(placed), 1 / count
        return {"first": first, "batches": count}

    def _prepare_events(self, work: str, longest: float) -> dict[str, Any]:
        arrays = self._spec.data(EVENTS)

        def task(size: int, total: int) -> Callable[[], Any]:
            pieces = [
                [self._model.array(None if a is None else a[i : i + size]) for a in arrays]
                for i in range(0, total, size)
            ]
            if work == "log_prob":
                return lambda: [self._model.log_prob(*piece) for piece in pieces]
            return lambda: [self._model.sample(size, condition) for _, condition in pieces]

        # A GPU is there for many events at once.
        size = EVENTS if self._device == "gpu" else PIECE
        repeat = task(size, size)
        # The first time compiles, and does not tell how long a repetition takes.
        first, took = _seconds(repeat), _seconds(repeat)
        count = int(np.clip(longest / took, 1, EVENTS // size))
        whole_took = took * EVENTS / size
        drawn = count * size
        repeat, took = task(size, drawn), took * count
        # A second shape would double minutes of compilation under torch.compile.
        if size < EVENTS and whole_took < PATIENCE and not self._library.endswith("+compile"):
            if drawn == EVENTS:
                took = _seconds(repeat)
            whole = task(EVENTS, EVENTS)
            whole()
            whole_took = _seconds(whole)
            # By the event: a library that is faster with many at once is not to be judged by pieces.
            if whole_took * drawn < took * EVENTS:
                repeat, took, drawn, size = whole, whole_took, EVENTS, EVENTS
        self._prepared[work] = repeat, EVENTS / drawn
        return {"first": first, "drawn": drawn, "at_once": size}


def main() -> None:
    library, threads, device = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    confine(threads)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        version = load(library, threads)
        session = Session(library, device)
        answer: dict[str, Any] = {"version": version}
    except ImportError as error:
        answer = {"failed": f"not installed: {error}"}
    while True:
        print(json.dumps(answer), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        try:
            answer = getattr(session, request.pop("do"))(**request)
        except UnsupportedError as error:
            answer = {"failed": str(error), "unsupported": True}
        except Exception as error:
            # Whatever a library fails with is a result: the table names it, and the other works go on.
            answer = {"failed": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    main()
