"""The tables of a run, in Markdown, beside the file of its results."""

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .floor import floor
from .picture import draw
from .spec import ARCHITECTURES, EVENTS, LIBRARIES, Spec

OURS = "pushforward"
#: How many times faster than the best peer, at d = 6, 32 and 128.
TARGETS = {
    ("nsf", "step"): (2.5, 2.5, 2),
    ("nsf", "log_prob"): (2.5, 2.5, 2.5),
    ("nsf", "sample"): (15, 30, 150),
    ("maf", "step"): (1.7, 1.7, 1.7),
    ("maf", "log_prob"): (1.7, 1.7, 1.7),
    ("maf", "sample"): (3, 8, 25),
    **{("coupling", work): (2.5, 2.5, 2.5) for work in ("step", "log_prob", "sample")},
    **{("real_nvp", work): (1.5, 1.5, 1.2) for work in ("step", "log_prob", "sample")},
}
#: The title under which figures of other benchmarks stand; they stay as they are.
OTHERS = "\n# Quality, beside other libraries\n"
START_TARGET, COMPILE_TARGET = 2.0, 4.0
WORDS = {"step": "training step", "log_prob": f"log_prob of {EVENTS:,}", "sample": f"sample of {EVENTS:,}"}
NOTES = """
- One flow in all libraries: networks of 2 x 128 hidden units, relu, not residual; splines of 8 bins on [-5, 5] with
  linear tails; 5 layers, RealNVP 8; the order turned, or the halves exchanged, between layers. The numbers of trained
  parameters are in the table. FlowJAX and distrax have two more per spline, the outer slopes. With a condition,
  normflows' autoregressive networks are residual, with two matrices more than the others': it has no plain ones.
- pushforward's splines stand alone (`affine=False`).
- A step is the gradient of the mean negative log-likelihood of 512 events and an update of Adam, in a user's own
  program: pushforward and distrax by optax under `jax.jit`, FlowJAX by the step of its `fit_to_data`, the PyTorch
  libraries in the loop of their tutorials. Densities and draws of the JAX libraries are in a user's `jit`, too. The
  batches lie in memory.
- `+xla`: XLA's own reductions and products instead of those of its CPU library, by a flag of the process; it is for
  peers only, since the time that counts is that of their faster way.
- `+compile`: the loss, the density and the draw under `torch.compile`, in one shape, and a fused Adam. Draws of
  autoregressive flows are compiled at d = 2 only: elsewhere the loop over the elements would be unrolled.
- pushforward's parameters are moved away from the identity first; the others' are as they are initialized.
- The floor is what the machine cannot undercut with these networks: the unmasked half of the products (thrice for a
  step) and the exponentials of the splines at the best rates measured in the same run, or the memory traffic.
- A repetition takes 0.2 s at least, libraries take turns, medians count. No compilation is kept between processes,
  except for what torch.compile keeps, where it is not the subject.
"""
CPU_NOTES = f"""\
- {EVENTS:,} events at once, or in pieces of 1000, whichever is faster (`torch.compile`: pieces). A library too slow for
  that draws some pieces, and its time is scaled; "drawn" in the JSON says how many.
- "Default" is the flow that a user of pushforward gets, an affine map behind each spline, and in the table of
  log-likelihoods whitened as `pf.fit` does; the others see what the peers see.
- "Start to fitted": the spline flows, not whitened, at a constant rate; a density counts as fitted 0.3 nats below the
  truth, since at 0.25 several libraries, pushforward among them, level off. The log-likelihoods at equal steps are of
  200,000 rows, because on 20,000 they mainly tell who overfits first.
- Tried for what missed its target, and left: the masked products as blocks, Adam on one flat array, the arrays of each
  layer apart while steps are taken (steps 5 to 15 % longer), networks with the batch first (densities 2 to 25 %
  slower), the products of XLA's YNNPACK (steps 0 to 8 % shorter, densities up to 15 % slower), a derivative by hand of
  the choice of the bin (4 % of a layer), less optimized machine code (compilation 5 % shorter, steps 1 to 4 % longer).
- Masked products as two blocks by two along the triangle, a quarter of the multiplications less: on one core, densities
  of MAF 10 to 15 % faster, its steps 0 (6 columns), 5 (32) and 11 % (128); autoregressive splines at 6 columns 12 and
  8 %, at 128 none, as the parameters have to be put together again. With four blocks densities gain 6 to 10 % more,
  and steps at 6 columns take 15 % longer. But a step of MAF compiles for twice as long, and under `vmap` over the
  members of a default fit, where XLA multiplies batches of matrices, steps take 23 (6 columns) to 43 % (32) longer.
"""
GPU_NOTES = f"""\
- {EVENTS:,} events at once. Arrays lie on the GPU before and after.
- float32 is multiplied as float32, which is the default of PyTorch and of pushforward; the JAX libraries are told so.
"""

PROFILE_NOTE = """
Shares of pushforward's time, on {processor}, by the part of the package that XLA says an operation comes from
(`python -m benchmarks.profile`). Behind them: how many times faster than the best peer it would be if nothing but the
products took time. Where that is at the target or below it, faster products are needed, not better code around them.
"""

Record = dict[str, Any]
Key = tuple[str, str, int, int]


def seconds(value: float) -> str:
    """Return a time in a readable unit, to three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


class Run:
    """The records of a run, by what they are of."""

    def __init__(self, content: Record):
        self.about: Record = content["about"]
        self.records: list[Record] = content["records"]
        self.gpu = "gpu" in self.about
        self._here: str = self.about["gpu" if self.gpu else "processor"]
        self.rates = {self.processor(r): r for r in self.records if r["work"] == "rates"}

    def processor(self, record: Record) -> str:
        """Return where a record was made: where the run began, or where it went on."""
        return record.get("processor") or self._here

    def mark(self, record: Record) -> str:
        """Return a mark for what was made elsewhere than most."""
        return "" if self.processor(record) == self._here else " *"

    @property
    def elsewhere(self) -> str:
        """What the mark means, if it is needed."""
        others = sorted({self.processor(r) for r in self.records if self.mark(r)})
        return f"\\* measured on {', '.join(others)}, all libraries of the row.\n\n" if others else ""

    def of(self, work: str) -> list[Record]:
        """Return the records of one work."""
        return [r for r in self.records if r["work"] == work]

    def timed(self) -> dict[Key, dict[str, Record]]:
        """Return {(architecture, work, condition, dim): {library: record}} of what has targets."""
        out: dict[Key, dict[str, Record]] = defaultdict(dict)
        for record in self.records:
            if record["work"] in WORDS:
                key = record["architecture"], record["work"], record["condition"], record["dim"]
                out[key][record["library"]] = record
        return dict(sorted(out.items(), key=lambda item: (list(ARCHITECTURES).index(item[0][0]), item[0][2:])))


def best_peer(records: dict[str, Record]) -> tuple[str, float] | None:
    """Return the fastest library but ours, and its seconds."""
    peers = [(r["seconds"], name) for name, r in records.items() if name != OURS and "seconds" in r]
    return (min(peers)[1], min(peers)[0]) if peers else None


def target_of(architecture: str, work: str, dim: int) -> float | None:
    """Return how many times faster than the best peer we want to be."""
    at = {6: 0, 32: 1, 128: 2}.get(dim)
    return None if at is None else TARGETS[architecture, work][at]


def _verdict(ratio: float, target: float | None) -> str:
    return "" if target is None else f"{target:g}x: {'met' if ratio >= target else '**missed**'}"


def _floor_cells(run: Run, key: Key, ours: Record) -> list[str]:
    architecture, work, condition, dim = key
    rates = run.rates.get(run.processor(ours))
    if rates is None:
        return ["", ""]
    spec = Spec(architecture, dim, condition)
    events = spec.batch if work == "step" else EVENTS
    least = floor(work, spec, events, ours["parameters"], rates)["seconds"]
    return [seconds(least), f"{ours['seconds'] / least:.1f}"]


def _main_tables(run: Run) -> str:
    sections: dict[tuple[str, int], list[list[str]]] = defaultdict(list)
    for key, records in run.timed().items():
        architecture, work, condition, dim = key
        ours, peer = records.get(OURS, {}), best_peer(records)
        if "seconds" not in ours or peer is None:
            sections[architecture, condition].append([dim, WORDS[work], ours.get("failed", "not measured"), *[""] * 6])
            continue
        ratio = peer[1] / ours["seconds"]
        cells = [
            f"{dim}{run.mark(ours)}",
            WORDS[work],
            seconds(ours["seconds"]),
            seconds(peer[1]),
            peer[0],
            f"**{ratio:.1f}x**",
        ]
        target = None if run.gpu else target_of(architecture, work, dim)
        cells += [_verdict(ratio, target), *_floor_cells(run, key, ours)]
        sections[architecture, condition].append(cells)
    head = ("d", "work", OURS, "best peer", "which", "ratio", "target", "floor", "ours / floor")
    return "\n".join(
        f"### {ARCHITECTURES[architecture]}{f', with a condition of {condition}' if condition else ''}\n\n"
        + _table(head, rows)
        for (architecture, condition), rows in sections.items()
    )


def _profile_table(run: Run, profile: list[Record]) -> str:
    timed = run.timed()
    parts = list(profile[0]["shares"])
    rows = []
    for record in profile:
        architecture, work, dim, shares = (record[k] for k in ("architecture", "work", "dim", "shares"))
        records = timed.get((architecture, work, 0, dim), {})
        peer, ours = best_peer(records), records.get(OURS, {}).get("seconds")
        least = f"{peer[1] / ours / shares['products']:.1f}x" if peer and ours and shares["products"] else ""
        cells = [f"{shares[part]:.0%}" for part in parts]
        target = None if run.gpu else target_of(architecture, work, dim)
        rows.append(
            [f"{ARCHITECTURES[architecture]}, {dim}", WORDS[work], *cells, least, f"{target:g}x" if target else ""]
        )
    return _table(("flow, d", "work", *parts, "products alone", "target"), rows)


def _cell(record: Record | None, faults: list[str]) -> str:
    if record is None:
        return ""
    if "failed" not in record:
        return seconds(record["seconds"])
    if record["failed"] not in faults:
        faults.append(record["failed"])
    return f"[{faults.index(record['failed']) + 1}]"


def _absolute_tables(run: Run) -> str:
    timed, faults, out = run.timed(), [], ""
    names = [name for name in LIBRARIES if any(name in records for records in timed.values())]
    for work, words in WORDS.items():
        rows = [
            [f"{ARCHITECTURES[a]}, {d}" + (f" given {c}" if c else ""), *(_cell(records.get(n), faults) for n in names)]
            for (a, w, c, d), records in timed.items()
            if w == work
        ]
        out += f"### {words.capitalize()}\n\n" + _table(("flow, d", *names), rows) + "\n"
    return out + "\n".join(f"[{i}] {fault}  " for i, fault in enumerate(faults, 1)) + "\n"


def _parameter_table(run: Run) -> str:
    found: dict[tuple[str, int, int], Record] = defaultdict(dict)
    names = [name for name in LIBRARIES if "+" not in name]
    for (architecture, _, condition, dim), records in run.timed().items():
        counts = {name: r["parameters"] for name, r in records.items() if "parameters" in r}
        found[architecture, condition, dim] |= counts
    rows = [
        [f"{ARCHITECTURES[a]}, {d}" + (f" given {c}" if c else ""), *(counts.get(n, "") for n in names)]
        for (a, c, d), counts in found.items()
    ]
    return _table(("flow, d", *names), rows)


def _start_table(run: Run) -> str:
    records = {r["library"]: r for r in run.of("start")}
    peer, ours = best_peer(records), records.get(OURS, {}).get("seconds")
    phases = list(records.get(OURS, {}).get("phases", {}))
    rows = [
        [name, seconds(r["seconds"]), r["epochs"], *(seconds(r["phases"].get(phase, 0.0)) for phase in phases)]
        if "seconds" in r
        else [name, r["failed"], *[""] * (1 + len(phases))]
        for name, r in sorted(records.items(), key=lambda item: item[1].get("seconds", math.inf))
    ]
    text = _table(("library", "start to fitted", "epochs", *phases), rows)
    if phases:
        text += "\nThe last columns are of the last repetition; the first epoch and check compile.\n"
    if peer is None or ours is None:
        return text
    ratio = peer[1] / ours
    return text + f"\nRatio to the best peer: **{ratio:.1f}x** (target {_verdict(ratio, START_TARGET)}).\n"


def _compile_table(run: Run) -> str:
    cells: dict[tuple[int, int], Record] = defaultdict(dict)
    for r in run.of("compile"):
        name = f"{r['library']}, default" if r["architecture"] == "default" else r["library"]
        cells[r["dim"], r["layers"]][name] = seconds(r["seconds"]) if "seconds" in r else r["failed"]
    names = sorted({name for row in cells.values() for name in row}, key=lambda n: (not n.startswith(OURS), n))
    rows = [[dim, layers, *(row.get(name, "") for name in names)] for (dim, layers), row in sorted(cells.items())]
    text = _table(("d", "layers", *names), rows)
    default = [r.get("seconds", math.inf) for r in run.of("compile") if r["architecture"] == "default"]
    if default:
        met = sum(s < COMPILE_TARGET for s in default)
        text += f"\nTarget: under {COMPILE_TARGET:g} s for the default flow: met in {met} of {len(default)} rows.\n"
    return text


def _memory_table(run: Run) -> str:
    works = ("memory of step", "memory of log_prob")
    names = [name for name in LIBRARIES if any(r["library"] == name for work in works for r in run.of(work))]
    cells: dict[tuple[str, int], Record] = defaultdict(dict)
    for work in works:
        for r in run.of(work):
            cells[work, r["dim"]][r["library"]] = f"{r['bytes'] / 1e6:,.0f} MB" if "bytes" in r else r["failed"]
    rows = [[work, dim, *(row.get(name, "") for name in names)] for (work, dim), row in sorted(cells.items())]
    return _table(("", "d", *names), rows)


def _quality_table(run: Run) -> str:
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for r in run.of("quality"):
        if "nats" in r:
            found[r["architecture"]][r["library"]].append(r["nats"])
    names = [name for name in LIBRARIES if any(name in row for row in found.values())]

    def cell(values: list[float]) -> str:
        if len(values) < 2:
            return "".join(f"{v:.3f}" for v in values)
        return f"{statistics.mean(values):.3f} ± {statistics.stdev(values) / math.sqrt(len(values)):.3f}"

    titles = {**ARCHITECTURES, "default": "pushforward's default"}
    rows = [[titles[a], *(cell(row.get(name, [])) for name in names)] for a, row in found.items()]
    return _table(("flow", *names), rows)


def write_report(content: Record, results: Path) -> None:
    """Write tables and a picture beside the file of the results: RESULTS.md and results.png beside results.json."""
    run = Run(content)
    about = "\n".join(f"- {name}: {value}" for name, value in run.about.items())
    title = "Speed on a GPU" if run.gpu else "Speed"
    text = f"# {title}, beside other libraries\n\n`python -m benchmarks` wrote this.\n\n{about}\n\n"
    timed = run.timed()
    unconditional = {key: records for key, records in timed.items() if key[2] == 0}
    if unconditional:
        draw(unconditional, results.with_suffix(".png"))
        text += f"![Ratios to the best peer, and times against dimension]({results.stem}.png)\n\n"
    if timed:
        text += "## Against the best peer\n\n" + run.elsewhere + _main_tables(run)
    profile = results.with_name(results.name.replace("results", "profile"))
    if profile != results and profile.exists():
        told = json.loads(profile.read_text())
        note, shares = PROFILE_NOTE.format(processor=told[0]["processor"]), _profile_table(run, told)
        text += f"\n## Where pushforward's time goes\n{note}\n{shares}"
    sections = {
        "From the start of a process to a fitted density": ("start", _start_table),
        "Compilation of the training step": ("compile", _compile_table),
        "Peak memory, above the imports": ("memory of step", _memory_table),
        "Log-likelihood of fresh rows at equal steps, less the truth's, in nats": ("quality", _quality_table),
    }
    for title, (work, table) in sections.items():
        if run.of(work):
            text += f"\n## {title}\n\n{table(run)}"
    if run.rates:
        names = ("layer", "large", "cache", "memory", "exp")
        text += "\n## The machine's rates\n\n" + _table(
            ("processor", "product, layer", "product, large", "copy in cache", "copy in memory", "exponential"),
            [[name, *(f"{r[k] / 1e9:,.4g} G/s" for k in names)] for name, r in run.rates.items()],
        )
    if timed:
        text += "\n## Every library\n\n" + _absolute_tables(run) + "\n## Trained parameters\n\n" + _parameter_table(run)
    text += f"\n## How each was used\n{NOTES}{GPU_NOTES if run.gpu else CPU_NOTES}"
    path = results.parent / f"{results.stem.upper()}.md"
    _, title, others = path.read_text().partition(OTHERS) if path.exists() else ("", "", "")
    path.write_text(text + title + others)
