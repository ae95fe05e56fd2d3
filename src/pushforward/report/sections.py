"""The sections of the page of a report."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from ..models import Ranks, Report
from . import svg

KEY = '<p class="key"><span>data</span><span class="m">draws of the model</span></p>'


def data(report: Report) -> str:
    """Return what was read, the kinds of the columns, and what was left out."""
    rows = []
    for view in report.columns:
        column = view.column
        role = "" if column.role == "event" else f" ({column.role})"
        unit = f", {column.unit}" if column.unit else ""
        missing = svg.percent(view.missing[0]) if view.missing[0] else ""
        rows.append((f"{column.name}{role}{unit}", column.kind.name, missing, view.values, column.reason))
    rows += [(name, "left out", "", "", reason) for name, reason in report.left_out]
    read = "<br>".join(escape(sentence) for sentence in report.read)
    return f"<p>{read}</p>" + _table(("column", "kind", "missing", "values (1, 25, 50, 75, 99 %)", "because"), rows)


def scores(report: Report) -> str:
    """Return the log-likelihood of the model beside baselines."""
    found = report.evaluation.scores
    flow = found["flow"].mean
    rows = []
    for name, (mean, error) in found.items():
        ahead = "" if name == "flow" else f"{flow - mean:+.3f}"
        rows.append((report.evaluation.titles[name], f"{mean:.3f} ± {error:.3f}", ahead))
    table = _table(("density", "nats per row", "model ahead by"), rows, numbers=(1, 2))
    return f'<p>{escape(report.evaluation.judged)} Higher is better.</p><div class="narrow">{table}</div>'


def columns(report: Report) -> str:
    """Return each column, data beside draws."""
    out = []
    for view in report.columns:
        name, axis = view.column.name, view.axis
        title = f"{name}: shares of the data and of draws"
        draw = svg.histogram if axis.levels is None else svg.bars
        picture = draw(axis.labels, view.data, view.model, title)
        empty = ""
        if any(view.missing):
            shares = [svg.percent(share) for share in view.missing]
            empty = f"<p>Empty cells: {shares[0]} of the data, {shares[1]} of the draws.</p>"
        beyond = 1 - float(view.data.sum())
        if axis.levels is None and beyond > 0.0005:
            empty += f"<p>{svg.percent(beyond)} of the data lie beyond the picture.</p>"
        out.append(_card(f"{name}{f' [{axis.unit}]' if axis.unit else ''}", view.column.kind.name, picture + empty))
    return KEY + _cards(out)


def relations(report: Report) -> str:
    """Return what tells about what."""
    found = report.relations
    if found is None:
        return "<p>Not estimated: the model has one column, very many, or conditions.</p>"
    alone = svg.matrix(found.names, found.alone, "mutual information of columns")
    beyond = svg.matrix(found.names, found.beyond, "information beyond all other columns")
    note = (
        f"<p>Information in nats, from {found.rows:,} draws: 0 is none. At the left, what two columns tell about each "
        "other; at the right, what one tells about the other beyond all the rest, which is about 0 where a column in "
        "between explains it.</p>"
    )
    return note + _cards([_card("alone", "", alone, "wide"), _card("beyond all others", "", beyond, "wide")], "26rem")


def pairs(report: Report) -> str:
    """Return the pairs that tell most about each other."""
    out = []
    for view in report.pairs:
        a, b = view.axes
        picture = svg.two_heats(view.data, view.model, (a, b))
        told = "" if view.information is None else f"{view.information:.2f} nats"
        out.append(_card(f"{a.name} and {b.name}", told, picture))
    return "<p>The pairs that tell most about each other. Stronger squares hold more rows.</p>" + _cards(out)


def calibration(report: Report) -> str:
    """Return whether columns are, given all others, distributed as the model says."""
    out = []
    for found in report.calibration:
        title = f"calibration of {found.name}"
        if isinstance(found, Ranks):
            picture = svg.ranks(found.counts, title)
            out.append(_card(found.name, f"p = {found.p_value:.2g} of even ranks, {found.rows:,} rows", picture))
        else:
            picture = svg.reliability(found.said, found.occurred, found.counts, title)
            out.append(_card(found.name, f"categories, {found.rows:,} rows", picture))
    note = (
        "<p>Each column given all others, in rows that the fit did not see. Of numbers: the rank of each cell in its "
        "distribution; bars within the band are even, a hill says that the model is too wide, a valley that it is too "
        "narrow. Of categories: how often a level occurs over the probability given to it; points on the line are "
        "right. Columns of several parts, such as dates, are not shown.</p>"
    )
    return note + _cards(out)


def worst(report: Report) -> str:
    """Return the least likely rows, with the cells to blame."""
    rows = []
    for row in report.worst.rows:
        cells = []
        for cell in row.blamed:
            ends = "" if cell.expected is None else f" (expected {cell.expected[0]:.5g} to {cell.expected[1]:.5g})"
            cells.append(f"{cell.name} = {cell.text}{ends}")
        blamed = "; ".join(cells) or "no one cell stands out"
        rows.append((f"{row.row + 1:,}", f"{row.p_value:.2g}", f"{row.log_prob:.2f}", blamed))
    note = (
        f"<p>{report.worst.below:,} of {report.worst.of:,} rows have a p-value below 0.01: so few of the held-out rows "
        "were as unlikely. The cells named are those least expected given the rest of their row.</p>"
    )
    head = ("row", "p-value", "log-density", "least expected, with nine tenths of what was expected")
    return note + _table(head, rows, numbers=(0, 1, 2))


def draws(report: Report) -> str:
    """Return whether draws are like the rows, and new."""
    fidelity, near, found = report.fidelity, report.closeness, report.detection
    if found.auc is None:
        told = f"The model's own test of two samples gives p = {found.p_value:.2g} for {found.rows:,} draws and rows."
    else:
        told = (
            f"Gradient boosting, trained to tell {found.rows:,} draws from as many rows, ranks a draw above a row with "
            f"probability {found.auc:.3f} (area under the curve, by cross-validation; 0.5 if they are alike)."
        )
    rows = list(zip(fidelity.alone, fidelity.alone_real, strict=True))
    shares = svg.dots(fidelity.names, rows, ("draws", "other rows"), "likeness of shares")
    of_pairs = ""
    if fidelity.pairs is not None and fidelity.pairs_real is not None:
        of_pairs = f"<p>Mean over pairs of columns: {fidelity.pairs:.3f}; {fidelity.pairs_real:.3f} of other rows.</p>"
    first = _card("Shares of columns", "1 less the total variation distance", shares + of_pairs)
    edges = np.linspace(0, max(near.draws.max(initial=0), near.held_out.max(initial=0), 1e-3), 25)
    held, drawn = (np.histogram(d, edges)[0] / max(len(d), 1) for d in (near.held_out, near.draws))
    picture = svg.histogram([f"{edge:.3f}" for edge in edges], held, drawn, "distances to the nearest row of the fit")
    figures = [
        (name, f"{np.quantile(d, 0.05):.4f}", f"{np.median(d):.4f}", svg.percent(copies))
        for name, d, copies in (
            ("draws", near.draws, near.copies[0]),
            ("held-out rows", near.held_out, near.copies[1]),
        )
        if len(d)
    ]
    table = _table(("", "5 %", "median", "copies"), figures, numbers=(1, 2, 3))
    of = f"to the nearest of {near.among:,} rows of the fit"
    second = _card("Distances", of, picture + table + "<p>Area: held-out rows; line: draws.</p>")
    note = (
        f"<p>{told}</p><p>A point is the likeness of draws and one half of the rows, a ring that of the two halves of "
        "the rows: points near their rings are as good as rows. Draws that lie nearer to the rows of the fit than "
        "held-out rows do would be copies with small changes.</p>"
    )
    return note + _cards([first, second])


def _card(title: str, faint: str, content: str, name: str = "") -> str:
    small = f" <small>{escape(faint)}</small>" if faint else ""
    return f'<div class="card {name}"><h3>{escape(title)}{small}</h3>{content}</div>'


def _cards(cards: Iterable[str], least: str | None = None) -> str:
    wide = f' style="grid-template-columns:repeat(auto-fill,minmax(min({least},100%),1fr))"' if least else ""
    return f'<div class="cards"{wide}>{"".join(cards)}</div>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Return a table, whose cells are escaped; columns of numbers are aligned at the right."""
    of = ["n" if j in numbers else "" for j in range(len(head))]
    titles = "".join(f'<th class="{name}">{escape(title)}</th>' for name, title in zip(of, head, strict=True))
    lines = "".join(
        "<tr>" + "".join(f'<td class="{name}">{escape(c)}</td>' for name, c in zip(of, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{titles}</tr>{lines}</table></div>'
