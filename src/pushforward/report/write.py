"""Compute a report and write its page."""

from pathlib import Path
from typing import Any

from .._errors import bad, require
from ..data import require_writable
from ..models import TableModel
from ..models import report as figures
from .page import page


def write_report(model: TableModel, data: Any, output: str | Path, seed: int = 0) -> str:
    """Write a page on a model and a table, and return a sentence that says so.

    Kinds of columns, log-likelihood beside baselines, data beside draws, calibration, the least likely rows, what tells
    about what, and whether draws are like the rows and new. The page holds no script and refers to no other file.

    Arguments:
        model: a fitted model.
        data: a table: of the fit, which is then judged by its held-out rows, or another one.
        output: an .html file.
        seed: decides the draws.

    Raises:
        OSError: if the file cannot be written.
        ValueError: if the model is not fitted, or the table has not its columns.
    """
    output = Path(output)
    require(output.suffix.lower() in (".html", ".htm"), "output", "an .html file", str(output))
    if model.record is None:
        raise bad("model", "fitted before there is something to report", "`not fitted`")
    require_writable(output)
    named = isinstance(data, str | Path)
    found = figures(model, model.read(data) if named else data, seed, Path(data).name if named else "the table")
    text = page(found)
    output.write_text(text, encoding="utf-8")
    return f"A page on {found.rows:,} rows and {len(found.columns)} columns written to {output}."
