"""Held-out log-likelihoods, as numbers and as lines of text."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import typer

from .._errors import require
from ..data import read_table
from ..data.tables.files import read_arrow
from ..distributions import Pushforward
from ..evaluate.likelihood import Likelihood, compare_likelihood
from .console import note
from .model import NamedModel, fingerprint, split_rows

TITLES = {"flow": "flow", "gaussian": "Gaussian", "kde": "KDE"}


def judge(
    flow: Pushforward,
    x: np.ndarray,
    condition: np.ndarray | None,
    weights: np.ndarray | None,
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
) -> dict[str, Likelihood]:
    """Compare on the rows `test`; the Gaussian and the KDE are fitted on the rows `train`."""
    return compare_likelihood(
        flow,
        x[train],
        x[test],
        train_condition=None if condition is None else condition[train],
        test_condition=None if condition is None else condition[test],
        train_weights=None if weights is None else weights[train],
        test_weights=None if weights is None else weights[test],
        seed=seed,
    )


def lines(results: Mapping[str, Likelihood]) -> list[str]:
    """Return the comparison as aligned lines."""
    rows = next(iter(results.values())).rows
    out = [f"Log-likelihood of {rows:,} held-out rows, in nats per row (higher is better):"]
    for name, result in results.items():
        line = f"  {TITLES[name]:<9}"
        if np.isfinite(result.mean):
            line += f"{result.mean:>10.3f} ± {result.standard_error:.3f}"
            if name != "flow":
                word = "behind" if result.behind >= 0 else "ahead of"
                line += f"   {abs(result.behind):.3f} ± {result.behind_error:.3f} {word} the flow"
        out.append(line + (f"   ({result.note})" if result.note else ""))
    return out


def evaluate_table(named: NamedModel, data: Path) -> None:
    """Compare the likelihoods on a table, and say on which rows."""
    named.require_table(data)
    about, seed = named.about, named.about.get("seed", 0)
    weighted = about.get("weights") if about.get("weights") in read_arrow(data).column_names else None
    table = read_table(data, columns=(*named.columns, *named.given, *([weighted] if weighted else [])))
    typer.echo(f"{data}: {table.report()}")
    if about.get("weights") and not weighted:
        note(f"{data} has no column {about['weights']}: every row counts the same.")
    n = table.values.shape[0]
    if about.get("fingerprint") == fingerprint(table.names, table.values) and about["test_fraction"] > 0:
        train, test = split_rows(n, about["test_fraction"], seed)
        typer.echo("This is the table of the fit: judged on the rows that the fit held out;")
        typer.echo("the Gaussian and the KDE are fitted on the rows of the fit.")
    else:
        require(n >= 4, "DATA", "a table of at least four complete rows", n)
        train, test = split_rows(n, 0.5, seed)
        typer.echo("This is not the table of the fit, or the fit held no rows out. The Gaussian and the KDE are")
        typer.echo("fitted on one random half of it, and all are judged on the other half.")
        typer.echo("Rows that the flow was fitted on, if there are any among them, flatter it.")
    x, condition = named.split(table)
    weights = table.columns([weighted])[:, 0] if weighted else None
    typer.echo("\n".join(lines(judge(named.flow, x, condition, weights, train, test, seed))))
