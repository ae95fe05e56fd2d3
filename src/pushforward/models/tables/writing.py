"""Answers about the rows of a table, written to files as the table is."""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ..._errors import require
from ...data import Frame, format_of, require_writable, write_frame
from .._base import Path
from .drawing import impute_frames, sample_frame, with_column

if TYPE_CHECKING:
    from .model import TableModel
    from .predicting import Prediction

#: A p-value below which a row is called unlike the table, and the rows that are shown.
UNLIKE, WORST = 0.01, 5
#: What is said of p-values in the table of the fit.
OF_THE_FIT = (
    "This is the table of the fit: rows that the model was fitted to look likelier than new ones, so that their "
    "p-values are too high. Those of rows that it has not seen are calibrated."
)
#: Levels of the quantiles that are written unless others are asked for.
QUANTILES = (0.05, 0.95)


def sample_to(model: "TableModel", output: Path, n: int, seed: int, given: Any, missing: bool) -> str:
    """See `TableModel.sample_to`."""
    format_of(output)
    require_writable(output)
    rows = sample_frame(model, jax.random.key(seed), n, given, missing)
    write_frame(output, rows)
    said, marked = f"{len(rows):,} rows of {len(rows.names)} columns written to {output}.", model.coding.marked
    if not marked or missing:
        return said
    empty = f"{', '.join(marked)} {'has' if len(marked) == 1 else 'have'} empty cells in the table of the fit"
    return f"{said} {empty}: filled here, drawn empty as there with --missing."


def score_to(model: "TableModel", data: Path, output: Path) -> str:
    """See `TableModel.score_to`."""
    format_of(output)
    require_writable(output)
    frame = model.read(data)
    log_prob = model.log_prob(frame)
    write_frame(output, with_column(frame, "log_prob", log_prob))
    finite = log_prob[np.isfinite(log_prob)]
    mean = f"mean {finite.mean():.4f} nats per row" if finite.size else "no row is possible"
    zero = f", {log_prob.size - finite.size:,} rows of density zero" if finite.size < log_prob.size else ""
    return f"{data}: {len(frame):,} rows; {mean}{zero}. Written to {output}."


def impute_to(
    model: "TableModel",
    table: Path,
    output: Path,
    m: int | None = None,
    most_likely: bool = False,
    seed: int = 0,
) -> str:
    """Write a table with its missing cells filled in, see `TableModel.impute`, and return a sentence that says so.

    Arguments:
        model: the model.
        table: the file of a table.
        output: a .csv, .parquet or .feather file; of m tables, the file filled.csv becomes filled.1.csv and so on.
        m, most_likely: as for `TableModel.impute`.
        seed: decides the draws.
    """
    paths = [FilePath(output)] if m is None else [_numbered(FilePath(output), i + 1) for i in range(m)]
    for path in paths:
        format_of(path)
        require_writable(path)
    frame = model.read(table)
    filled = impute_frames(model, jax.random.key(seed), frame, m, most_likely)
    for path, own in zip(paths, filled, strict=True):
        write_frame(path, own)
    left = filled[0].missing
    counts = {name: count - left.get(name, 0) for name, count in frame.missing.items()}
    each = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    cells = f"{sum(counts.values()):,} cells filled in ({each})" if each else "no cell of the model is missing"
    others = f"; {sum(left.values()):,} missing cells of other columns are left" if left else ""
    names = f"{paths[0]}" if len(paths) == 1 else f"{paths[0]} to {paths[-1].name}"
    return f"{table}: {len(frame):,} rows, {cells}{others}. Written to {names}."


def predict_to(
    model: "TableModel",
    target: str,
    table: Path,
    output: Path,
    quantiles: Sequence[float] | None = None,
    coverage: float | None = None,
) -> str:
    """Write a table with the distribution of one column given the others, and return a sentence that says so.

    Numbers get the columns TARGET.mean, TARGET.median and TARGET.q05, ...; categories TARGET.mode and the probability
    of each level, TARGET.LEVEL.

    Arguments:
        model: the model.
        target: the column; its own cells in the table are not used.
        table: the file of a table.
        output: a .csv, .parquet or .feather file.
        quantiles: levels of quantiles; 0.05 and 0.95 by default.
        coverage: the probability of an interval, written as TARGET.low and TARGET.high.
    """
    format_of(output)
    require_writable(output)
    frame = model.read(table)
    prediction = model.predict(target, frame)
    columns = (
        _of_number(prediction, QUANTILES if quantiles is None else quantiles, coverage)
        if prediction.is_number
        else _of_levels(prediction, quantiles, coverage)
    )
    out = frame
    for name, values in columns.items():
        out = with_column(out, f"{target}.{name}", _array(values))
    write_frame(output, out)
    known = _judged(prediction, frame, columns) if target in frame.names else ""
    return f"{table}: {len(frame):,} rows; {len(columns)} columns on {target}{known}. Written to {output}."


def anomaly_to(model: "TableModel", table: Path, output: Path) -> str:
    """Write a table with the columns p_value, log_prob and blame of `TableModel.anomaly`; return the worst rows."""
    from .anomalies import anomaly_columns

    format_of(output)
    require_writable(output)
    frame = model.read(table)
    found = anomaly_columns(model, frame)
    out = frame
    for name, values in found.items():
        out = with_column(out, name, _array(values))
    write_frame(output, out)
    p_value, log_prob, blame = found["p_value"], found["log_prob"], found["blame"]
    few = int((p_value < UNLIKE).sum())
    lines = [f"{table}: {few:,} of {len(frame):,} rows have a p-value below {UNLIKE}. Written to {output}."]
    if model.record is not None and model.record.fingerprint == model._fingerprint(frame):
        lines.append(OF_THE_FIT)
    worst = np.lexsort((log_prob, p_value))[:WORST]
    lines.append(f"The {len(worst)} least likely rows (rows count from 1; what is least expected given the others):")
    for row in worst:
        names = [name for name in blame[row].split(", ") if name in frame.names]
        cells = ", ".join(f"{name} = {frame.table[name][int(row)].as_py()}" for name in names)
        lines.append(
            f"  row {row + 1:,}: p = {p_value[row]:.2g}, log_prob = {log_prob[row]:.2f}; {cells or 'no one cell'}"
        )
    return "\n".join(lines)


def _array(values: Any) -> np.ndarray:
    return values if isinstance(values, np.ndarray) else np.asarray(values, object)


def _of_number(prediction: "Prediction", quantiles: Sequence[float], coverage: float | None) -> dict[str, Any]:
    columns: dict[str, Any] = {"mean": prediction.mean(), "median": prediction.median()}
    if len(quantiles):
        found = prediction.quantile(quantiles)
        columns |= {_level_name(level): found[:, i] for i, level in enumerate(quantiles)}
    if coverage is not None:
        columns["low"], columns["high"] = prediction.interval(coverage).T
    return columns


def _of_levels(prediction: "Prediction", quantiles: Sequence[float] | None, coverage: float | None) -> dict[str, Any]:
    rule = f"left out: {prediction.name} is a column of categories"
    require(quantiles is None, "quantiles", rule, quantiles)
    require(coverage is None, "coverage", rule, coverage)
    probabilities = prediction.probabilities()
    shares = {str(level): probabilities[:, i] for i, level in enumerate(prediction.levels)}
    return {"mode": prediction.mode(), **shares}


def _judged(prediction: "Prediction", frame: Frame, columns: dict[str, Any]) -> str:
    """Return how near the predictions are to the cells of the target that the table holds."""
    cells = frame.table[prediction.name]
    known = ~np.asarray(cells.is_null(nan_is_null=True))
    if not known.any():
        return ""
    rows = np.flatnonzero(known)
    log_prob = prediction.take(rows).log_prob(frame.take(rows))
    finite = np.isfinite(log_prob)
    mean = f"{log_prob[finite].mean():.3f} nats" if finite.any() else "no finite log-probability"
    truth, near = cells.take(rows).to_pylist(), ""
    if not prediction.is_number:
        right = np.mean([columns["mode"][row] == value for row, value in zip(rows, truth, strict=True)])
        near = f"the likeliest is right in {100 * right:.1f} %, "
    elif isinstance(truth[0], int | float):
        near = f"the median is off by {np.abs(columns['median'][rows] - np.asarray(truth)).mean():.4g} on average, "
    return f"; of the {len(rows):,} rows that hold it, {near}its log-probability is {mean}"


def _level_name(level: float) -> str:
    """Return q05 for 0.05, q975 for 0.975."""
    digits = f"{level:.6f}".rstrip("0").partition(".")[2]
    return "q" + digits.ljust(2, "0")


def _numbered(path: FilePath, number: int) -> FilePath:
    """Return filled.1.csv for filled.csv, filled.1.csv.gz for filled.csv.gz."""
    ending = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    return path.with_name(f"{path.name.removesuffix(ending)}.{number}{ending}")
