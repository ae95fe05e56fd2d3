"""The results as Markdown: a table of known truths, a table of real ones, and a summary."""

import math
import statistics
from collections import defaultdict
from typing import Any

import numpy as np

Record = dict[str, Any]
#: A library is as good as the best within so many standard errors of the difference, and nats: a mean over rows of
#: heavy tails is so uncertain that its standard error alone would excuse anything.
ERRORS, NATS = 2.0, 0.25
HOME = "pushforward"


class Cell:
    """All seeds of one library on one truth."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, record: Record) -> None:
        """Add a seed."""
        self.records.append(record)

    @property
    def failed(self) -> str | None:
        """The reason, if any seed failed."""
        return next((r["failed"] for r in self.records if "failed" in r), None)

    @property
    def nats(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(r["nats"] for r in self.records)

    @property
    def error(self) -> float:
        """The standard error of that mean over rows; what differs between seeds is not in it."""
        return math.hypot(*(r["error"] for r in self.records)) / len(self.records)

    @property
    def seconds(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(r["seconds"] for r in self.records)

    def less(self, other: "Cell") -> tuple[float, float]:
        """Return the mean difference to another library on the same rows, and its standard error."""
        of_other = {r["seed"]: r for r in other.records}
        pairs = [(r["blocks"], of_other[r["seed"]]["blocks"]) for r in self.records if r["seed"] in of_other]
        if not pairs:
            return self.nats - other.nats, math.hypot(self.error, other.error)
        difference = np.concatenate([np.subtract(a, b) for a, b in pairs])
        return float(difference.mean()), float(difference.std(ddof=1) / math.sqrt(len(difference)))


Cells = dict[str, dict[str, Cell]]


def _gather(records: list[Record], kind: str) -> Cells:
    cells: Cells = defaultdict(lambda: defaultdict(Cell))
    for record in records:
        if record["kind"] == kind:
            cells[record["truth"]][record["library"]].add(record)
    return cells


def _libraries(cells: Cells) -> list[str]:
    return list(dict.fromkeys(library for row in cells.values() for library in row))


def _figure(nats: float, error: float) -> str:
    if not math.isfinite(nats) or abs(nats) >= 1000:
        return f"{nats:.2g}"
    digits = 4 if abs(nats) < 1 else 3 if abs(nats) < 10 else 1
    return f"{nats:.{digits}f} ± {error:.{digits}f}"


def _best(row: dict[str, Cell], sign: int) -> Cell | None:
    """Return the cell of the least KL (sign 1) or the largest log-likelihood (sign -1)."""
    done = [cell for cell in row.values() if not cell.failed]
    return min(done, key=lambda cell: sign * cell.nats) if done else None


def _as_good(cell: Cell, best: Cell, sign: int) -> bool:
    if cell is best:
        return True
    difference, error = cell.less(best)
    return sign * difference <= min(ERRORS * error, NATS)


def _table(cells: Cells, sign: int) -> list[str]:
    libraries = _libraries(cells)
    lines = [
        f"| truth | columns | rows | {' | '.join(libraries)} | seconds |",
        "|---|---|---|" + "---|" * (len(libraries) + 1),
    ]
    for truth, row in cells.items():
        first = next(iter(row.values())).records[0]
        columns = f"{first['columns']} given {first['condition']}" if first["condition"] else str(first["columns"])
        best, entries, seconds = _best(row, sign), [], []
        for library in libraries:
            cell = row.get(library)
            if cell is None:
                entries.append("")
                seconds.append("-")
            elif cell.failed:
                entries.append(f"failed: {cell.failed}")
                seconds.append("-")
            else:
                figure = _figure(cell.nats, cell.error)
                if sign < 0 and HOME in row and library != HOME and not row[HOME].failed:
                    difference, error = cell.less(row[HOME])
                    figure += f" ({difference:+.3f} ± {error:.3f})"
                entries.append(f"**{figure}**" if best and _as_good(cell, best, sign) else figure)
                seconds.append(f"{cell.seconds:.0f}")
        lines.append(f"| {truth} | {columns} | {first['rows']:,} | {' | '.join(entries)} | {' / '.join(seconds)} |")
    return lines


def _summary(cells: Cells, sign: int, what: str) -> list[str]:
    libraries = _libraries(cells)
    common = [t for t, row in cells.items() if all(name in row and not row[name].failed for name in libraries)]
    lines = [
        f"| library | mean {what} | median | mean of the {len(common)} that all did | within error of the best | "
        "failed | mean seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for library in libraries:
        there = {truth: row[library] for truth, row in cells.items() if library in row}
        done = {truth: cell for truth, cell in there.items() if not cell.failed}
        if not done:
            lines.append(f"| {library} |  |  |  | 0 of {len(there)} | {len(there)} |  |")
            continue
        values = [cell.nats for cell in done.values()]
        good = sum(_as_good(cell, best, sign) for t, cell in done.items() if (best := _best(cells[t], sign)))
        shared = f"{statistics.fmean(done[t].nats for t in common):.4g}" if common else ""
        seconds = statistics.fmean(cell.seconds for cell in done.values())
        lines.append(
            f"| {library} | {statistics.fmean(values):.4g} | {statistics.median(values):.4g} | {shared} | "
            f"{good} of {len(there)} | {len(there) - len(done)} | {seconds:.0f} |"
        )
    return lines


def report(records: list[Record]) -> str:
    """Return the whole report."""
    known, tables = _gather(records, "KL"), _gather(records, "held-out")
    lines: list[str] = []
    if known:
        lines += ["# Known truths", ""]
        lines += ["KL(truth ‖ model), nats ± standard error over fresh rows; bold: the least, and what"]
        lines += [f"is within {ERRORS:.0f} standard errors of the difference to it, and {NATS} nats."]
        lines += ["", *_table(known, 1), ""]
        lines += ["## Summary", "", *_summary(known, 1, "KL"), ""]
    if tables:
        lines += ["# Real tables", ""]
        lines += ["Log-likelihood of held-out rows, nats per row ± standard error; in brackets,"]
        lines += ["the difference to pushforward's on the same rows.", "", *_table(tables, -1), ""]
        lines += ["## Summary of the tables", "", *_summary(tables, -1, "log-likelihood"), ""]
    return "\n".join(lines)
