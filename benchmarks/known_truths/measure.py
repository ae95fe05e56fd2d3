"""One truth seen by one library: its rows drawn, a process fitted to them, and the figures."""

import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..measure import Limits, environment
from .registry import Draw, Truth

Record = dict[str, Any]
#: Means of so many blocks of fresh rows are kept, so that two libraries can be compared row by row, nearly.
BLOCKS = 100


@dataclass(frozen=True)
class Settings:
    """How a truth is measured.

    Attributes:
        seed: of the rows and of the library.
        threads: of every library, and processor cores.
        limit: seconds of a process, imports and evaluation included.
        settings: file of more variants of pushforward.
    """

    seed: int
    threads: int
    limit: float
    settings: Path | None


def measure(truth: Truth, library: str, train: Draw, fresh: Draw, settings: Settings) -> Record:
    """Return the record of one library on one truth.

    `nats` is KL(truth || model), or for a table the mean log-density of the held-out rows; `error` is its standard
    error.
    """
    (x, condition, _), (fresh_x, fresh_condition, log_p) = train, fresh
    record: Record = {"truth": truth.name, "library": library, "seed": settings.seed, "rows": len(x)}
    record |= {"columns": x.shape[1], "condition": 0 if condition is None else condition.shape[1]}
    record |= {"kind": "held-out" if log_p is None else "KL", "fresh": len(fresh_x)}
    rows = {"x": x, "fresh": fresh_x, "condition": condition, "fresh_condition": fresh_condition}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/rows.npz", **{k: v for k, v in rows.items() if v is not None})
        command = [sys.executable, "-m", f"{__package__}.worker", library, str(settings.seed), str(settings.threads)]
        command += [f"{folder}/rows.npz", f"{folder}/result.npz"]
        command += [] if settings.settings is None else [str(settings.settings)]
        env = environment(Limits("cpu", settings.threads, 1, 0, settings.limit), False)
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=settings.limit)
        except subprocess.TimeoutExpired:
            return record | {"failed": f"not done within {settings.limit:.0f} s"}
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            return record | {"failed": lines[-1][:300] if lines else f"its process ended with {done.returncode}"}
        with np.load(f"{folder}/result.npz") as result:
            log_q, seconds = result["log_q"], {k: float(result[k]) for k in ("seconds", "cpu_seconds")}
    if not np.isfinite(log_q).all():
        return record | {"failed": f"{np.mean(~np.isfinite(log_q)):.2%} of the log-densities are not finite"}
    value = log_q if log_p is None else log_p - log_q
    blocks = [round(float(block.mean()), 6) for block in np.array_split(value, min(BLOCKS, len(value)))]
    error = float(value.std(ddof=1)) / math.sqrt(len(value))
    return record | {"nats": float(value.mean()), "error": error, **seconds, "blocks": blocks}
