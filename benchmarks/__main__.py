"""Every library on the same work, in one run; the results as JSON, tables and a picture.

    python -m benchmarks [--quick] [--resume] [--architectures nsf maf ...] [--dims 2 6 ...] [--works step sample ...]
    python -m benchmarks --gpu
    python -m benchmarks --report

Measured are one training step on a batch of 512; the densities and the draws of 20,000 events; the time from the start
of a process to a fitted density; compilation against depth and dimension; peak memory; and the log-likelihood at equal
steps. Each library has a process of its own, the repetitions take turns, medians count. Results are written after each
measurement to the file OUTPUT; `--resume` goes on from there. `--report` draws RESULTS.md and results.png again.

All of it takes some five hours on two cores, a third of them torch.compile's; `--quick` some twenty minutes: d = 6 and
32, without a condition, and the start. `--gpu` times steps, densities and draws on the first GPU, some ten minutes with
16 cores: compilations go on beside each other, measurements one by one.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from . import machine
from .measure import Limits, Record, Team, environment, once, starts
from .report import write_report
from .spec import ARCHITECTURES, DIMS, LIBRARIES, Spec

TIMED = ("step", "log_prob", "sample")
WORKS = ("rates", *TIMED, "start", "compile", "memory", "quality")
#: Layers of which compilation is timed, at six dimensions.
DEPTHS = (2, 5, 10, 20)
#: Training steps, rate and seeds at which the log-likelihoods are compared.
QUALITY = {"steps": 1500, "rate": 2e-3}
SEEDS = 3

#: What is measured, of which libraries, by whom.
Task = tuple[Record, list[str], Team]


class Results:
    """The records of a run, in a file that is whole at any time; each says on which processor, or GPU, it was made."""

    def __init__(self, path: Path, resume: bool, about: Record):
        self._path, self.processor = path, about.get("gpu") or about.get("processor")
        self.content: Record = {"about": about, "records": []}
        if resume and path.exists():
            self.content = json.loads(path.read_text())
            if "command" in about:
                self.content["about"]["command"] += f"; {about['command']}"

    def has(self, key: Record, libraries: list[str]) -> bool:
        """Return whether what `key` names is there for all libraries."""
        return bool(libraries) and set(libraries) <= {r["library"] for r in self._of(key)}

    def _of(self, key: Record) -> list[Record]:
        return [r for r in self.content["records"] if all(r.get(k) == v for k, v in key.items())]

    def add(self, key: Record, libraries: list[str], measure: Callable[[list[str]], list[Record]]) -> None:
        """Measure what `key` names, unless it is there for all libraries."""
        if self.has(key, libraries):
            return
        records, same = self.content["records"], self._of(key)
        began = time.monotonic()
        new = [{**key, **record, "processor": self.processor} for record in measure(libraries)]
        self.content["records"] = [r for r in records if r not in same] + new
        _write(self._path, json.dumps(self.content, indent=1))
        done = sum("failed" not in r for r in new)
        print(f"{time.monotonic() - began:6.0f} s  {done}/{len(new)}  {_words(key)}", flush=True)


def _words(key: Record) -> str:
    return "  ".join(f"{k} {v}" for k, v in key.items())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(text)
    os.replace(beside, path)


def _spec(architecture: str, dim: int, condition: int = 0, **more: Any) -> Record:
    spec = asdict(Spec(architecture, dim, condition, **more))
    del spec["hidden"]
    return spec


def run(args: argparse.Namespace, results: Results) -> None:
    """Measure everything that the arguments ask for."""
    limits = Limits("gpu" if args.gpu else "cpu", args.threads, args.repetitions, args.budget, args.longest)
    names: list[str] = args.libraries
    plain = [name for name in names if "+" not in name]

    def at(work: str, architecture: str, dim: int, condition: int = 0, layers: int = 0) -> Record:
        layers = Spec(architecture, dim, layers=layers).layers
        return {"work": work, "architecture": architecture, "dim": dim, "condition": condition, "layers": layers}

    def alone(spec: Record, do: str, **arguments: Any) -> Callable[[list[str]], list[Record]]:
        return lambda libraries: [once(name, spec, limits, do, **arguments) for name in libraries]

    if "rates" in args.works:
        results.add({"work": "rates", "processor": results.processor}, ["machine"], lambda _: [_rates(limits)])
    if "start" in args.works:
        few = replace(limits, repetitions=min(3, limits.repetitions))
        results.add(at("start", "nsf", 6), plain, lambda libraries: starts(libraries, few))

    def takers(work: str, architecture: str, dim: int) -> list[str]:
        # Unrolled over the elements, the loop of an autoregressive draw does not compile in any bearable time.
        unrolled = work == "sample" and architecture in ("nsf", "maf") and dim > 2
        eager = dim > args.compile_up_to or unrolled
        return [name for name in names if not (eager and name.endswith("+compile"))]

    flows = list(product(args.architectures, args.condition, args.dims))
    # A GPU leaves the cores for compilations, which take most of the time; here, flows wait for each other.
    groups = [[f for f in flows if f[2] == dim] for dim in args.dims] if args.gpu else [[flow] for flow in flows]
    for group in groups:
        with ExitStack() as stack:
            tasks: list[Task] = []
            for architecture, condition, dim in group:
                team = stack.enter_context(Team(_spec(architecture, dim, condition, perturbed=True), limits))
                works = [work for work in TIMED if work in args.works]
                keys = [(at(work, architecture, dim, condition), takers(work, architecture, dim)) for work in works]
                tasks += [(key, some, team) for key, some in keys if not results.has(key, some)]
            if args.gpu:
                _prepare(tasks)
            for key, some, team in tasks:
                results.add(key, some, partial(team.time, key["work"]))
    shapes = [*product(args.dims, [5]), *product([6], DEPTHS)] if "compile" in args.works else []
    for dim, layers in shapes:
        some = [name for name in names if name in ("pushforward", "flowjax") or (name == "zuko+compile" and dim <= 6)]
        for architecture, libraries in {"nsf": some, "default": ["pushforward"]}.items():
            spec = _spec(architecture, dim, layers=layers)
            results.add(at("compile", architecture, dim, 0, layers), libraries, alone(spec, "compile"))
    for dim, work in product(args.dims, ("step", "log_prob")) if "memory" in args.works else ():
        spec = _spec("nsf", dim, perturbed=True)
        results.add(at(f"memory of {work}", "nsf", dim), plain, alone(spec, "memory", work=work))
    compared = [*args.architectures, "default"] if "quality" in args.works else []
    for architecture, seed in product(compared, range(SEEDS)):
        spec = _spec(architecture, 6, seed=seed, **QUALITY)
        some = plain if architecture != "default" else ["pushforward"]
        results.add({**at("quality", architecture, 6), "seed": seed}, some, alone(spec, "quality"))


def _prepare(tasks: list[Task]) -> None:
    """Compile for all tasks and libraries beside each other."""
    works: dict[tuple[Team, str], list[str]] = defaultdict(list)
    for key, libraries, team in tasks:
        for library in libraries:
            works[team, library].append(key["work"])
    with ThreadPoolExecutor(max(1, len(works))) as pool:
        list(pool.map(lambda item: item[0][0].prepare(item[1], item[0][1]), works.items()))


def _rates(limits: Limits) -> Record:
    command = [sys.executable, "-m", "benchmarks.floor", str(limits.threads), limits.device]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(limits, True))
    return {"library": "machine", **json.loads(done.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--dims", type=int, nargs="+", default=list(DIMS))
    parser.add_argument("--condition", type=int, nargs="+", default=[0, 5], help="elements of the condition")
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--budget", type=float, default=8, help="seconds of repetitions per library and measurement")
    parser.add_argument("--longest", type=float, default=300, help="seconds after which a library is given up")
    parser.add_argument("--compile-up-to", type=int, default=32, help="largest dimension for torch.compile")
    parser.add_argument("--quick", action="store_true", help="fewer flows and works, no torch.compile")
    parser.add_argument("--gpu", action="store_true", help="on the first GPU, into results_gpu.json")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--resume", action="store_true", help="keep what OUTPUT has")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    args = parser.parse_args()
    # What is smaller by default, where nothing else is asked for.
    if args.gpu:
        some = [n for n in LIBRARIES if n not in ("nflows+compile", "normflows+compile") and not n.endswith("+xla")]
        parser.set_defaults(dims=[6, 32, 128], condition=[0], works=["rates", *TIMED], libraries=some)
        parser.set_defaults(threads=len(os.sched_getaffinity(0)), repetitions=3, budget=2.0, compile_up_to=128)
    elif args.quick:
        parser.set_defaults(dims=[6, 32], condition=[0], works=["rates", *TIMED, "start"], repetitions=3, budget=4.0)
        parser.set_defaults(libraries=[name for name in LIBRARIES if "+" not in name])
    parser.set_defaults(output=Path(__file__).parent / ("results_gpu.json" if args.gpu else "results.json"))
    args = parser.parse_args()
    if args.report:
        results = Results(args.output, True, {})
    else:
        command = {"command": " ".join(["python -m benchmarks", *sys.argv[1:]])}
        results = Results(args.output, args.resume, command | machine.describe(args.threads, args.gpu))
        run(args, results)
    write_report(results.content, args.output)


if __name__ == "__main__":
    main()
