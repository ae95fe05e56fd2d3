"""The workers seen from the process that started them: asked in turn, timed out, and named when they fail."""

import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .spec import XLA_FLAG

Record = dict[str, Any]


class FailedError(Exception):
    """A library could not do the work; the message says why."""


@dataclass(frozen=True)
class Limits:
    """How much is measured.

    Attributes:
        device: "cpu" or "gpu".
        threads: of every library, and processor cores.
        repetitions: of a measurement, whose median counts.
        budget: seconds of these repetitions per library and measurement; one is taken in any case.
        longest: seconds that a library may take for one answer, compilation included, before it is given up.
    """

    device: str
    threads: int
    repetitions: int
    budget: float
    longest: float


def environment(limits: Limits, cached: bool, library: str = "") -> dict[str, str]:
    """Return the environment of a worker; `cached` allows what torch.compile keeps between processes."""
    threads = str(limits.threads)
    fixed = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "JAX_ENABLE_COMPILATION_CACHE": "false"}
    fixed |= {"PYTHONWARNINGS": "ignore", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "0" if cached else "1"}
    if library.endswith("+xla"):
        fixed["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {XLA_FLAG}"
    if limits.device == "cpu":
        fixed |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    else:
        # Many processes share the device; all libraries multiply float32 as PyTorch does by default.
        fixed |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}
    return {**os.environ, **fixed}


class Worker:
    """A library in a process of its own."""

    def __init__(self, library: str, limits: Limits, cached: bool = True):
        self._limits, self._log = limits, tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", library, str(limits.threads), limits.device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment(limits, cached, library),
        )
        try:
            self.version = self._answer(60)["version"]
        except FailedError:
            self.close()
            raise

    def ask(self, do: str, **arguments: Any) -> Record:
        """Return the answer to a request, or raise FailedError."""
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            # A pipe that is closed is a ValueError.
            raise FailedError("its process has ended") from None
        return self._answer(self._limits.longest)

    def _answer(self, seconds: float) -> Record:
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        if not ready:
            self.close()
            raise FailedError(f"not done within {seconds:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise FailedError(self._last_words())
        answer = json.loads(line)
        if "failed" in answer:
            raise FailedError(answer["failed"])
        return answer

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"its process ended with {self._process.returncode}"

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.kill()
            self._process.communicate()


class Team:
    """One worker per library, for one flow; a worker that died is started again for the next work."""

    def __init__(self, spec: Record, limits: Limits):
        self._spec, self._limits = spec, limits
        self._workers: dict[str, tuple[Worker, Record]] = {}
        self._prepared: dict[tuple[str, str], Record] = {}

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *_: object) -> None:
        for worker, _ in self._workers.values():
            worker.close()

    def prepare(self, works: Iterable[str], library: str) -> None:
        """Build and compile what `time` will be asked for; may be called for several libraries at once."""
        limits = self._limits
        for work in works:
            record: Record = {"library": library, "times": []}
            with _noting(record):
                worker, built = self._worker(library)
                longest = limits.budget / limits.repetitions
                record |= {"version": worker.version, **built, **worker.ask("prepare", work=work, longest=longest)}
            self._prepared[work, library] = record

    def time(self, work: str, libraries: list[str]) -> list[Record]:
        """Return a record per library: every library once, then every library a second time, and so on."""
        limits = self._limits
        for library in libraries:
            record = self._prepared.get((work, library))
            dead = record is not None and "failed" not in record and not self._workers[library][0].alive
            if record is None or dead:
                self.prepare([work], library)
        records = {library: self._prepared[work, library] for library in libraries}
        for _ in range(limits.repetitions):
            for library, record in records.items():
                spent = sum(record["times"])
                if "failed" not in record and (not spent or spent + record["times"][-1] < limits.budget):
                    with _noting(record):
                        answer = self._workers[library][0].ask("repeat", work=work)
                        record["times"].append(answer["seconds"])
                        record["calls"] = answer["calls"]
        return [summary(record) for record in records.values()]

    def _worker(self, library: str) -> tuple[Worker, Record]:
        if library not in self._workers or not self._workers[library][0].alive:
            worker = Worker(library, self._limits)
            for key in [k for k, r in list(self._prepared.items()) if k[1] == library and "failed" not in r]:
                del self._prepared[key]
            try:
                self._workers[library] = worker, worker.ask("build", spec=self._spec)
            except FailedError:
                worker.close()
                raise
        return self._workers[library]


def once(library: str, spec: Record, limits: Limits, do: str, **arguments: Any) -> Record:
    """Return the record of one request to a new process."""
    record: Record = {"library": library}
    with _noting(record):
        worker = Worker(library, limits, cached=False)
        try:
            record |= {"version": worker.version, **worker.ask("build", spec=spec), **worker.ask(do, **arguments)}
        finally:
            worker.close()
    return record


def starts(libraries: list[str], limits: Limits) -> list[Record]:
    """Return a record per library of the seconds from the start of `benchmarks.start` to its line, interleaved."""
    records = {library: {"library": library, "times": []} for library in libraries}
    for _ in range(limits.repetitions):
        for library, record in records.items():
            if "failed" not in record:
                with _noting(record):
                    record |= _start(library, limits, record["times"])
    return [summary(record) for record in records.values()]


def _start(library: str, limits: Limits, times: list[float]) -> Record:
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.start", library, str(limits.threads)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment(limits, False), timeout=limits.longest
        )
    except subprocess.TimeoutExpired:
        raise FailedError(f"not done within {limits.longest:.0f} s") from None
    times.append(time.perf_counter() - began)
    if done.returncode:
        raise FailedError((done.stderr.strip().splitlines() or ["?"])[-1][:300])
    return json.loads(done.stdout.strip().splitlines()[-1])


def summary(record: Record) -> Record:
    """Return a record with the median and the least of its times, if there are any."""
    times = record.get("times")
    if times and "failed" not in record:
        record |= {"seconds": statistics.median(times), "least": min(times)}
    return record


@contextlib.contextmanager
def _noting(record: Record) -> Any:
    try:
        yield
    except FailedError as error:
        record["failed"] = str(error)
