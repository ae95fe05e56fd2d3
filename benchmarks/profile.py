"""Where the time of pushforward's flows goes: the profiler's events, by the part of the package that they come from.

    python -m benchmarks.profile [--architectures nsf maf ...] [--dims 6 32 128] [--works step log_prob sample] [--gpu]

The work is that of `python -m benchmarks`; on a CPU it runs on one core, where the events follow each other. XLA says
of each operation of a compiled program which line asked for it. Writes profile.json, or profile_gpu.json, beside the
results, for their report; `--kernels 20` prints the longest events of each program, too.
"""

import argparse
import glob
import gzip
import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import machine
from .spec import ARCHITECTURES, EVENTS, Spec

#: Parts of a program, and the files that they come from, the first that fits. Of layers that are compiled one by one,
#: XLA knows no more than this.
PARTS = {
    "products": (),
    "layers, less products": tuple(
        f"/pushforward/{room}/" for room in ("bijections", "networks", "numerics", "univariate")
    ),
    "optimizer": ("/optax/", "/pushforward/train/"),
    "rest": ("",),
}
BETWEEN = "between operations"
#: Steps, or repetitions of `EVENTS` events, in a trace.
STEPS, REPEATS = 8, 1
PROGRAMS = {"step": "jit_step", "log_prob": "jit_log_prob", "sample": "jit_sample"}

_INSTRUCTION = re.compile(r"^\s*(?:ROOT )?%?([\w.\-]+) = .*? ([\w\-]+)\(")
_FRAME = re.compile(r"stack_frame_id=(\d+)")
_NAME = re.compile(r'op_name="([^"]*)"')


class Program:
    """The text of a compiled program, by instruction: its part."""

    def __init__(self, text: str):
        tables: dict[str, list[str]] = {}
        lines = tables.setdefault("head", [])
        self.parts: dict[str, str] = {}
        for line in text.splitlines():
            if re.fullmatch(r"[A-Z][A-Za-z]+", line):
                lines = tables.setdefault(line, [])
            elif re.match(r"\d+ ", line):
                lines.append(line.partition(" ")[2])
        numbers = {
            name: [[int(n) for n in re.findall(r"=(\d+)", line)] for line in tables.get(name, [])]
            for name in ("FileLocations", "StackFrames")
        }
        self._files = [line.strip('"') for line in tables.get("FileNames", [])]
        self._locations, self._frames = numbers["FileLocations"], numbers["StackFrames"]
        for line in text.splitlines():
            found = _INSTRUCTION.match(line)
            if found:
                self.parts[found[1]] = self._part(line, found[2])
        self._kernels = {name.replace(".", "_"): part for name, part in self.parts.items()}

    def part(self, operation: str, kernel: str) -> str:
        """Return the part of an operation or, if that is a graph of many, of the kernel on the GPU."""
        if not operation.startswith("command_buffer"):
            return self.parts.get(operation, "rest")
        of_library = any(word in kernel for word in ("gemm", "cutlass", "convolve"))
        return "products" if of_library else self._kernels.get(kernel, "rest")

    def _part(self, line: str, opcode: str) -> str:
        name, frame = _NAME.search(line), _FRAME.search(line)
        product = name is not None and name[1].endswith(("dot_general", "conv_general_dilated"))
        if product or opcode in ("dot", "convolution") or "gemm" in line:
            return "products"
        number = int(frame[1]) if frame else 0
        while number:
            location, *parent = self._frames[number - 1]
            file = self._files[self._locations[location - 1][0] - 1]
            if "/pushforward/" in file or "/optax/" in file:
                return next(part for part, keys in PARTS.items() if any(key in file for key in keys))
            # The outermost frame is its own parent.
            number = parent[0] if parent and parent[0] != number else 0
        return "rest"


def _events(folder: str) -> list[dict[str, Any]]:
    """Return the events of a trace that took time, those of the device only, if there is one besides the host."""
    (path,) = glob.glob(f"{folder}/**/perfetto_trace.json.gz", recursive=True)
    content = json.loads(gzip.decompress(Path(path).read_bytes()))
    events = content["traceEvents"] if isinstance(content, dict) else content
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e.get("name") == "thread_name"}
    streams = {thread for thread, name in names.items() if str(name).startswith("Stream")}
    done = [e for e in events if e.get("ph") == "X" and not e["name"].startswith("end: ")]
    return [e for e in done if not streams or (e["pid"], e["tid"]) in streams]


def profile(run: Callable[[], Any], program: Program, module: str, kernels: int) -> tuple[float, Counter[str]]:
    """Return the seconds of a run without profiler, and the seconds of each part of the program with it."""
    import jax

    run()
    began = time.perf_counter()
    run()
    took = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            run()
        events = _events(folder)
    parts: Counter[str] = Counter()
    longest: Counter[str] = Counter()
    for event in events:
        told = event.get("args", {})
        operation = told.get("hlo_op", "")
        if operation.startswith(("while", "call", "conditional")) or (operation and told.get("hlo_module") != module):
            continue
        if operation or event["name"].lower().startswith(("memcpy", "memset")):
            part = program.part(operation, event["name"])
            parts[part] += event["dur"] / 1e6
            longest[f"{part}: {operation} {event['name']}"] += event["dur"] / 1e6
    for name, seconds in longest.most_common(kernels):
        print(f"    {seconds * 1e3:9.3f} ms  {name[:110]}")
    return took, parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--dims", type=int, nargs="+", default=[6, 32, 128])
    parser.add_argument("--works", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--kernels", type=int, default=0, help="events to print of each program")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    if not args.gpu:
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    about = machine.describe(1, args.gpu)
    output = args.output or Path(__file__).parent / ("profile_gpu.json" if args.gpu else "profile.json")
    records = []
    with tempfile.TemporaryDirectory() as folder:
        wanted = "|".join(PROGRAMS.values())
        flags = f"--xla_dump_to={folder} --xla_dump_hlo_as_text --xla_dump_hlo_module_re={wanted}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}"
        for architecture in args.architectures:
            for dim in args.dims:
                for work in args.works:
                    spec = Spec(architecture, dim, perturbed=True)
                    records.append(_record(spec, work, folder, args.kernels, about["gpu" if args.gpu else "processor"]))
                    output.write_text(json.dumps(records, indent=1))


def _record(spec: Spec, work: str, folder: str, kernels: int, processor: str) -> dict[str, Any]:
    from .libraries import build

    model = build("pushforward", spec)
    count = STEPS if work == "step" else REPEATS
    if work == "step":
        x, _ = spec.data(count * spec.batch)
        placed = model.place(x.reshape(count, spec.batch, -1), None)
    else:
        x = model.array(spec.data(EVENTS)[0])
    run: Callable[[], Any] = {
        "step": lambda: model.train(placed),
        "log_prob": lambda: model.log_prob(x, None),
        "sample": lambda: model.sample(EVENTS, None),
    }[work]
    run()
    texts = glob.glob(f"{folder}/*{PROGRAMS[work]}.*after_optimizations.txt")
    program = Program(Path(max(texts, key=os.path.getmtime)).read_text())
    took, parts = profile(run, program, PROGRAMS[work], kernels)
    for path in texts:
        os.remove(path)
    parts[BETWEEN] = max(0.0, took - sum(parts.values()))
    shares = {part: parts[part] / sum(parts.values()) for part in (*PARTS, BETWEEN)}
    told = "  ".join(f"{part} {share:.0%}" for part, share in shares.items())
    print(f"{spec.architecture} {spec.dim} {work}: {took / count * 1e3:.3f} ms  {told}", flush=True)
    return {
        "architecture": spec.architecture,
        "dim": spec.dim,
        "work": work,
        "processor": processor,
        "seconds": took / count,
        "shares": shares,
    }


if __name__ == "__main__":
    main()
