"""The page of a report: one text of HTML."""

from html import escape

from ..models import Report
from .sections import calibration, columns, data, draws, pairs, relations, scores, worst
from .style import STYLE

#: The sections, each with the name of its anchor.
SECTIONS = {
    "columns": ("Columns", data),
    "scores": ("Held-out log-likelihood", scores),
    "marginals": ("Data and model, column by column", columns),
    "relations": ("What tells about what", relations),
    "pairs": ("Pairs of columns", pairs),
    "calibration": ("Calibration", calibration),
    "rows": ("The least likely rows", worst),
    "draws": ("Draws: like the rows, and new?", draws),
}


def page(report: Report) -> str:
    """Return the page of a report: no script, no other file, light and dark."""
    links = "".join(f'<a href="#{name}">{escape(title)}</a>' for name, (title, _) in SECTIONS.items())
    body = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>{section(report)}</section>'
        for name, (title, section) in SECTIONS.items()
    )
    about = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in report.about)
    source = escape(report.source)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{source}: report</title><style>{STYLE}</style></head><body>"
        f"<h1>{source}</h1><p>A model of {report.rows:,} rows and {len(report.columns)} columns.</p>"
        f"{tiles(report)}<nav>{links}</nav>{body}"
        f'<section id="record"><h2>The fit</h2><div class="wide"><table>{about}</table></div></section></body></html>\n'
    )


def tiles(report: Report) -> str:
    """Return the figures at the head of the page."""
    scored, found = report.evaluation.scores, report.detection
    figures = []
    flow = scored["flow"].mean
    for name in (name for name in scored if name != "flow"):
        ahead = flow - scored[name].mean
        word = "ahead of" if ahead >= 0 else "behind"
        figures.append((f"{abs(ahead):.2f} nats", f"per held-out row {word} {report.evaluation.titles[name]}"))
    if found.auc is not None:
        figures.append((f"{found.auc:.2f}", "AUC of a classifier of draws and rows: 0.5 is best, 1 worst"))
    else:
        figures.append((f"p = {found.p_value:.2g}", "of draws and rows being of one distribution"))
    draws, held = report.closeness.copies
    figures.append((f"{100 * draws:.1f} %", f"of draws copy a row of the fit; of held-out rows {100 * held:.1f} % do"))
    figures.append((f"{report.worst.below:,}", f"of {report.worst.of:,} rows have a p-value below 0.01"))
    each = "".join(f'<div class="tile"><b>{escape(n)}</b><small>{escape(words)}</small></div>' for n, words in figures)
    return f'<div class="tiles">{each}</div>'
