"""One fit of a search, and the table of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, final

from .candidates import Candidate

#: What became of a trial. The state of a search that has not ended holds "judged" ones.
Status: TypeAlias = Literal["best", "kept", "dropped", "failed", "skipped", "judged"]


@final
@dataclass(frozen=True)
class Trial:
    """One fit of a search, judged by held-out rows.

    Attributes:
        name: of the candidate.
        candidate: its architecture and settings; None if it was a function.
        rung: from 0.
        epochs: the length of the fit.
        seconds: its duration.
        compiling: the part of it that was compilation, which later fits of the same candidate need not repeat.
        mean: the mean log-density of the held-out rows, in nats per row; None if there is none.
        standard_error: of `mean`; None if all held-out rows are of one group.
        behind: mean of log p(best) - log p(this) over the same rows, the best as it was last judged.
        behind_error: standard error of `behind`.
        status: "best" for what was chosen; "kept" if the candidate went on to the next rung; "dropped" if not;
            "failed" if it was not finite; "skipped" if there was no time.
        note: why a trial failed or was skipped.
    """

    name: str
    candidate: Candidate | None
    rung: int
    epochs: int
    seconds: float
    compiling: float = 0.0
    mean: float | None = None
    standard_error: float | None = None
    behind: float | None = None
    behind_error: float | None = None
    status: Status = "judged"
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the content as JSON types, which `from_json` reads."""
        return {**asdict(self), "candidate": None if self.candidate is None else self.candidate.to_json()}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Trial":
        """Return the trial that `to_json` described."""
        of = content["candidate"]
        return Trial(**{**content, "candidate": None if of is None else Candidate.from_json(of)})


def table_of(trials: Sequence[Trial]) -> str:
    """Return trials as aligned lines under a heading; those that were skipped are counted."""
    skipped = Counter((trial.rung + 1, trial.note) for trial in trials if trial.status == "skipped")
    trials = [trial for trial in trials if trial.status != "skipped"]
    width = max([len("candidate"), *(len(trial.name) for trial in trials)])
    head = f"{'candidate':<{width}}  rung  epochs  seconds  {'nats per row':>17}  {'behind the best':>17}"
    lines = [head]
    for trial in trials:
        line = f"{trial.name:<{width}}  {trial.rung + 1:>4}  {trial.epochs:>6}  {trial.seconds:>7.1f}"
        line += f"  {_with_error(trial.mean, trial.standard_error)}  {_with_error(trial.behind, trial.behind_error)}"
        lines.append(f"{line}  {trial.status}" + (f": {trial.note}" if trial.note else ""))
    lines += [f"{count:,} skipped on rung {rung}: {note}" for (rung, note), count in skipped.items()]
    return "\n".join(lines)


def _with_error(mean: float | None, error: float | None) -> str:
    shown = "?" if error is None else f"{error:.3f}"
    return f"{'' if mean is None else f'{mean:.3f} ± {shown}':>17}"
