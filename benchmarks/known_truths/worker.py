"""One library on one truth, in a process of its own.

    python -m benchmarks.known_truths.worker LIBRARY SEED THREADS ROWS.npz RESULT.npz [SETTINGS.py]

ROWS holds `x`, `fresh`, and `condition` and `fresh_condition` if there is a condition; RESULT receives `log_q`, the
log-densities of the fresh rows, and `seconds` and `cpu_seconds` of the fit, compilation included but not the imports.
"""

import sys
import time
from pathlib import Path

import numpy as np

from ..worker import confine

#: Rows whose log-density is asked for at once.
PIECE = 10_000


def main() -> None:
    library, seed, threads, rows, result = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6]
    confine(threads)
    from .rivals import load

    if len(sys.argv) > 6:
        from . import variants

        variants.add(Path(sys.argv[6]))
    fit = load(library)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    data = np.load(rows)
    x, condition = data["x"], data.get("condition")
    start, cpu_start = time.perf_counter(), time.process_time()
    log_prob = fit(x, condition, seed)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    fresh, given = data["fresh"], data.get("fresh_condition")
    pieces = [slice(i, i + PIECE) for i in range(0, len(fresh), PIECE)]
    log_q = np.concatenate([log_prob(fresh[p], None if given is None else given[p]) for p in pieces])
    np.savez(result, log_q=log_q.astype(np.float64), seconds=seconds, cpu_seconds=cpu_seconds)


if __name__ == "__main__":
    main()
