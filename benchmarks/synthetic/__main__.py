"""The commands `draw` and `judge`; see the package."""

import argparse
import json
import os
import time
from pathlib import Path

from .tables import Split, split

#: Rows whose draw is timed.
MANY = 100_000


def draw(rows: Split, model: str, seed: int) -> None:
    """Fit a model, and write its draws and its times."""
    from .models import MODELS

    started = time.monotonic()
    sample = MODELS[model](rows.folder / "train.csv", seed)
    fitted = time.monotonic()
    table = sample(len(rows.train))
    drawn = time.monotonic()
    sample(MANY)
    times = {"fit": fitted - started, "sample": drawn - fitted, "sample of 100,000": time.monotonic() - drawn}
    table.to_csv(rows.folder / f"{model}.csv", index=False)
    found = {"model": model, "seed": seed, "rows": len(table), "load": os.getloadavg()[1], "seconds": times}
    (rows.folder / f"{model}.json").write_text(json.dumps(found, indent=2))
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("draw", "judge"):
        command = commands.add_parser(name)
        command.add_argument("table")
        if name == "draw":
            command.add_argument("model")
        command.add_argument("--out", type=Path, required=True)
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--target")
    given = parser.parse_args()
    rows = split(given.table, given.out, given.target)
    if given.command == "draw":
        draw(rows, given.model, given.seed)
    else:
        from .judge import judge

        print(judge(rows, given.seed))


if __name__ == "__main__":
    main()
