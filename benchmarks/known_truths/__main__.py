"""How well densities are learned that are known, by pushforward's defaults and by others.

    python -m benchmarks.known_truths [NAME ...] [--libraries pushforward kde ...] [--resume]
    python -m benchmarks.known_truths --list
    python -m benchmarks.known_truths --report

A model sees 100 to 200,000 rows, and 100,000 fresh ones judge: KL = E_truth[log p_truth(x) - log p_model(x)], in nats,
with its standard error. Of real tables, which have no known density, the mean log-density of held-out rows is given.
Each library is fitted as its documentation says, in a process of its own, and `seconds` are those of the fit,
compilation included.

Results are written to OUTPUT after each measurement; `--resume` goes on from there. `--report` writes OUTPUT with the
ending .md and measures nothing. Beside other work, `--threads 1` is fair to all: threads of PyTorch wait for each other
when they do not get a core each. `taskset -c CORE` says which core that is.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from .. import machine
from .measure import Record, Settings, measure
from .registry import TRUTHS, Truth
from .report import report
from .rivals import LIBRARIES
from .truths import tables

#: What names a measurement.
KEY = ("truth", "library", "seed")


class Results:
    """The records, in a file that is whole at any time."""

    def __init__(self, path: Path, keep: bool, about: Record):
        self._path = path
        self._content: dict[str, Any] = {"about": about, "records": []}
        if keep and path.exists():
            self._content = json.loads(path.read_text())
            if "command" in about:
                self._content["about"]["command"] += f"; {about['command']}"

    @property
    def records(self) -> list[Record]:
        """All of them."""
        return self._content["records"]

    def has(self, key: tuple[Any, ...], rows: int) -> bool:
        """Return whether that is there, with as many rows."""
        return any(tuple(r[k] for k in KEY) == key and r["rows"] == rows for r in self.records)

    def add(self, record: Record) -> None:
        """Add a record in place of an older one, and write the file."""
        key = [record[k] for k in KEY]
        self._content["records"] = [r for r in self.records if [r[k] for k in KEY] != key] + [record]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".tmp")
        beside.write_text(json.dumps(self._content, indent=1))
        os.replace(beside, self._path)


def _line(record: Record) -> str:
    head = f"{record['truth']:22}{record['library']:24}"
    if "failed" in record:
        return f"{head}failed: {record['failed']}"
    return f"{head}{record['kind']:10}{record['nats']:10.4f} ± {record['error']:.4f}{record['seconds']:8.0f} s"


def _choose(names: list[str]) -> list[Truth]:
    """Return the truths of these names and groups, in the order of the registry."""
    unknown = set(names) - set(TRUTHS) - {t.group for t in TRUTHS.values()}
    if unknown:
        raise SystemExit(f"no truth or group of the name {', '.join(sorted(unknown))}; --list shows them")
    return [t for t in TRUTHS.values() if not names or t.name in names or t.group in names]


def run(args: argparse.Namespace, results: Results) -> None:
    """Measure everything that the arguments ask for."""
    for truth in _choose(args.names):
        for seed in range(args.seed, args.seed + args.seeds):
            try:
                train, fresh = truth.split(seed, args.rows or truth.rows, args.fresh)
            except tables.MissingError as error:
                print(f"{truth.name:22}left out: {error}", flush=True)
                continue
            settings = Settings(seed, args.threads, args.limit, args.settings)
            for library in args.libraries:
                if not (args.resume and results.has((truth.name, library, seed), len(train[0]))):
                    record = measure(truth, library, train, fresh, settings)
                    results.add(record)
                    print(_line(record), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a truth, or of a group of them; all by default")
    parser.add_argument(
        "--libraries",
        nargs="+",
        default=LIBRARIES,
        metavar="LIBRARY",
        help=f"of {', '.join(LIBRARIES)}, and pushforward:VARIANT",
    )
    parser.add_argument("--settings", type=Path, help="file with more variants of pushforward; see variants.py")
    parser.add_argument("--rows", type=int, help="rows for training; by default each truth has its own number")
    parser.add_argument("--fresh", type=int, default=100_000, help="rows that judge, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from SEED on")
    parser.add_argument("--limit", type=float, default=600, help="seconds after which a library is given up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--uci", type=Path, default=tables.UCI, help="folder of the UCI tables")
    parser.add_argument("--output", type=Path, default=Path("known_truths.json"))
    parser.add_argument("--resume", action="store_true", help="keep what OUTPUT has, and measure the rest")
    parser.add_argument("--report", action="store_true", help="write the tables, measure nothing")
    parser.add_argument("--list", action="store_true", help="print the truths")
    args = parser.parse_args()
    tables.UCI = args.uci
    if args.list:
        for truth in _choose(args.names):
            print(f"{truth.group:13}{truth.name:22}{truth.rows:8,}  {truth.about}")
        return
    if args.report:
        text = report(Results(args.output, True, {}).records)
        args.output.with_suffix(".md").write_text(text)
        print(text)
        return
    command = {"command": " ".join(["python -m benchmarks.known_truths", *sys.argv[1:]])}
    run(args, Results(args.output, args.resume, command | machine.describe(args.threads, False)))


if __name__ == "__main__":
    main()
