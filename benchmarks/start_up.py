"""How long a user waits for the first sign of life, in seconds, each in a new process.

    python -m benchmarks.start_up [--repeats 5]

Medians of: `import pushforward`; the same and the first flow, which imports JAX; `import jax` alone, beside it;
`pushforward --help`; the command of the README until its progress bar shows; and a default flow of 20,000 rows of six
columns, fitted for one epoch, until the first densities, the first time and with the programs that were kept then.
"""

import argparse
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = {
    "import pushforward": "import pushforward",
    "import pushforward, first use of pf.flows and pf.fit": "import pushforward as pf; pf.flows, pf.fit",
    "import jax": "import jax",
}
DENSITY = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
import numpy as np
import pushforward as pf
from benchmarks import problem
pf.cache_programs()
flow = pf.flows.nsf(jax.random.key(0), problem.DIM)
result = pf.fit(jax.random.key(1), flow, problem.draw(20_000, 1)[0], max_epochs=1, progress=False)
np.asarray(result.flow.log_prob(problem.draw(2_000, 2)[0]))
"""
FIT = ["fit", "data/weather.csv", "--exclude", "year,origin,time_hour,wind_gust", "-o"]


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - start


def until_bar(command: list[str]) -> float:
    """Return the seconds until a command with a terminal for its standard error writes a progress bar there."""
    main, terminal = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=terminal, stdout=subprocess.DEVNULL, cwd=ROOT)
    os.close(terminal)
    shown = b""
    try:
        while b"compiling" not in shown:
            shown += os.read(main, 4096)
        return time.perf_counter() - start
    finally:
        process.kill()
        process.wait()
        os.close(main)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = range(parser.parse_args().repeats)
    bare = statistics.median(seconds([sys.executable, "-c", "pass"]) for _ in repeats)
    for name, script in SCRIPTS.items():
        took = statistics.median(seconds([sys.executable, "-c", script]) for _ in repeats) - bare
        print(f"{name:<54} {took:6.2f}", flush=True)
    program = [sys.executable, "-m", "pushforward"]
    print(f"{'pushforward --help':<54} {statistics.median(seconds([*program, '--help']) for _ in repeats):6.2f}")
    times = []
    for _ in repeats:
        with tempfile.TemporaryDirectory() as folder:
            times.append(until_bar([*program, *FIT, f"{folder}/weather.pf"]))
    print(f"{'pushforward fit data/weather.csv: progress bar':<54} {statistics.median(times):6.2f}", flush=True)
    first, second = [], []
    for _ in repeats:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["PUSHFORWARD_CACHE"] = folder
            first.append(seconds([sys.executable, "-c", DENSITY]))
            second.append(seconds([sys.executable, "-c", DENSITY]))
    print(f"{'from the start to a density, the first time':<54} {statistics.median(first):6.2f}")
    print(f"{'from the start to a density, the second time':<54} {statistics.median(second):6.2f}")


if __name__ == "__main__":
    main()
