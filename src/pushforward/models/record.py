"""The record of a fit: the architecture, the data, the course of the fit, and the scores."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any, NamedTuple, final

import equinox as eqx
import jax

from .._errors import bad, require
from .._fields import trainable
from .halving.trial import Trial, table_of

#: The version of the record that is written. Records of pushforward 0.1 are version 1, but do not state it.
VERSION = 2

#: Pairs of a name and its text.
Lines = list[tuple[str, str]]


@final
@dataclass(frozen=True)
class Architecture:
    """The architecture of a flow.

    Attributes:
        name: the function of `pushforward.flows`.
        options: the arguments that are specific to it.
        parameters: number of trained parameters.
    """

    name: str
    options: dict[str, Any]
    parameters: int

    @staticmethod
    def of(name: str, options: Mapping[str, Any], flow: eqx.Module) -> "Architecture":
        """Describe a flow built by the function `name`."""
        leaves = jax.tree.leaves(eqx.filter(flow, trainable(flow)))
        return Architecture(name, dict(options), sum(leaf.size for leaf in leaves))

    def __str__(self) -> str:
        options = "".join(f", {name} {value}" for name, value in self.options.items())
        return f"{self.name}{options}; {self.parameters:,} parameters"

    def to_json(self) -> dict[str, Any]:
        """Return the content as JSON types, which `from_json` reads."""
        return {"flow": self.name, "options": self.options, "parameters": self.parameters}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Architecture | None":
        """Return the architecture that a file names, None if it names none."""
        if "options" not in content:
            return None
        return Architecture(str(content.get("flow")), dict(content["options"]), int(content.get("parameters", 0)))


class Score(NamedTuple):
    """A mean over held-out rows, and its standard error."""

    mean: float
    standard_error: float


@final
@dataclass(frozen=True)
class RowCounts:
    """Numbers of rows, or images.

    Attributes:
        read: rows in the file.
        complete: rows without a missing value.
        fit: complete rows that the fit used.
        held_out: complete rows that it held out.
    """

    read: int
    complete: int
    fit: int
    held_out: int


@final
@dataclass(frozen=True)
class Record:
    """The record of a fit.

    Attributes:
        seed: the seed of the split, the initial weights and the batches.
        test_fraction: the share of the rows that was held out.
        data: the name of the data.
        fingerprint: a digest of the data, which identifies them when the held-out rows are needed again.
        rows: numbers of rows.
        history: losses of each epoch, by the name of the curve ("train", "val"), in nats per row.
        best_epoch: the epoch whose parameters were kept, from 0; -1 for the initial parameters.
        skipped_steps: steps that were skipped because the loss or its gradient was not finite.
        seconds: duration of the fit.
        written_by: the version of pushforward.
        held_out: scores on the held-out rows, by the name of the density or figure.
        copies_together: whether all copies of a row are on the same side of the split; in version 0.1 they were not.
        search: what a search for the architecture tried; empty if there was none.
        version: the version of this record.
    """

    seed: int
    test_fraction: float | int
    data: str
    fingerprint: str
    rows: RowCounts
    history: dict[str, list[float]]
    best_epoch: int
    skipped_steps: int
    seconds: float
    written_by: str
    held_out: dict[str, Score] = field(default_factory=dict)
    copies_together: bool = True
    search: tuple[Trial, ...] = ()
    version: int = VERSION

    @staticmethod
    def of(
        result: Any,
        *,
        seed: int,
        test_fraction: float | int,
        data: str,
        fingerprint: str,
        rows: RowCounts,
        search: tuple[Trial, ...] = (),
    ) -> "Record":
        """Return the record of a fit that has just ended.

        Arguments:
            result: a `pushforward.FitResult`.
            seed, test_fraction, data, fingerprint, rows, search: the attributes of these names.
        """
        return Record(
            seed=seed,
            test_fraction=test_fraction,
            data=data,
            fingerprint=fingerprint,
            rows=rows,
            history={name: [float(v) for v in values] for name, values in result.history.items()},
            best_epoch=result.best_epoch,
            skipped_steps=result.skipped_steps,
            seconds=result.seconds,
            written_by=version("pushforward"),
            search=search,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content as JSON types, which `from_json` reads."""
        scores = {name: list(score) for name, score in self.held_out.items()}
        return {**asdict(self), "held_out": scores, "search": [trial.to_json() for trial in self.search]}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Record | None":
        """Return the record in the metadata of a file, None if there is none; upgrade a record of version 0.1.

        Raises:
            ValueError: if the record is of a later version, or incomplete.
        """
        if "fingerprint" not in content:
            return None
        content = {"search": [], **_upgraded(content)}  # Files of before there was a search name none.
        remedy = "Upgrade with `pip install --upgrade pushforward`."
        require(content["version"] == VERSION, "model", f"of a record of version {VERSION}", content["version"], remedy)
        try:
            known = {name: content[name] for name in Record.__dataclass_fields__}
            known["rows"] = RowCounts(**content["rows"])
            known["held_out"] = {name: Score(*score) for name, score in content["held_out"].items()}
            known["search"] = tuple(map(Trial.from_json, content["search"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise bad("model", "saved with a whole record of its fit", f"`{type(error).__name__}: {error}`") from error
        return Record(**known)

    def describe_rows(self) -> str:
        """Return a text with the numbers of fitted and held-out rows."""
        return f"{self.rows.fit:,} to fit, {self.rows.held_out:,} held out; seed {self.seed}"

    def describe(self) -> str:
        """Return one line on the course of the fit."""
        kept = self.history if self.best_epoch >= 0 else {}
        losses = [
            f", {name} {values[self.best_epoch]:.4f}" for name, values in kept.items() if len(values) > self.best_epoch
        ]
        return (
            f"{len(self.history['train'])} epochs in {self.seconds:.0f} s, {self.skipped_steps} steps skipped; "
            f"best: {name_epoch(self.best_epoch)}{''.join(losses)}"
        )


def describe_fit(
    architecture: Architecture | None, record: Record | None, data: str, scores: Mapping[str, str], places: int
) -> Lines:
    """Return the lines on flow, fit and scores, which are the same for every kind of model.

    Arguments:
        architecture, record: as in the model.
        data: describes the data.
        scores: title of the held-out scores.
        places: decimal places of the scores.
    """
    lines = [] if architecture is None else [("flow", str(architecture))]
    if record is None:
        return lines or [("flow", "saved from Python; nothing is noted of its fit")]
    lines += [("data", data), ("fit", record.describe())]
    for name, (mean, error) in record.held_out.items():
        if math.isfinite(mean):
            lines.append((f"held out, {scores[name]}", f"{mean:.{places}f} ± {error:.{places}f}"))
    for i, line in enumerate(table_of(record.search).splitlines() if record.search else ()):
        lines.append(("search" if i == 0 else "", line))
    return [*lines, ("written by", f"pushforward {record.written_by}")]


def name_epoch(best_epoch: int) -> str:
    """Return the name of the epoch that a fit kept, counted from one."""
    return f"epoch {best_epoch + 1}" if best_epoch >= 0 else "the start, a normal distribution"


def _upgraded(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record in the format of `VERSION`; version 0.1 stored `written_by` under the name `version`."""
    if isinstance(content.get("version"), int):
        return dict(content)
    rows = content["rows"]
    return {
        **content,
        "version": VERSION,
        "copies_together": False,
        "written_by": content.get("version", "0.1.0"),
        # 0.1 wrote no `complete` for images, all of which are complete.
        "rows": {"complete": rows["read"], **rows},
        # Missing if no rows were held out, or if the evaluation of the model was interrupted.
        "held_out": content.get("held_out", {}),
    }
