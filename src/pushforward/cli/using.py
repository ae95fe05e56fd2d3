"""`pushforward sample` and `score` for a model of a table."""

import math
from pathlib import Path

import jax
import numpy as np
import typer

from .._errors import bad
from ..data import Table, read_table, require_writable, write_table
from ..data.tables.files import format_of, read_arrow, write_arrow
from .console import note, split_names
from .model import NamedModel


def sample_table(named: NamedModel, output: Path, n: int, given: str | None, seed: int) -> None:
    """Draw n rows, or n for each row of conditions, and write them under their names."""
    format_of(output)
    require_writable(output)
    condition = conditions(named, given)
    key = jax.random.key(seed)
    if condition is None:
        rows = np.asarray(named.flow.sample(key, (n,)))
    else:
        # All draws of one condition stand together, in the order of the conditions.
        repeated = np.repeat(condition, n, axis=0)
        drawn = np.asarray(named.flow.sample(key, (), repeated))
        rows = np.concatenate([drawn, repeated.astype(drawn.dtype)], axis=1)
    write_table(output, Table((*named.columns, *(named.given if condition is not None else ())), rows))
    typer.echo(f"{rows.shape[0]:,} rows of {', '.join(named.columns)} written to {output}.")


def conditions(named: NamedModel, given: str | None) -> np.ndarray | None:
    """Return the rows of conditions that `--given` names: values, or a table.

    Raises:
        ValueError: if values are missing, superfluous or not numbers.
    """
    if not named.given:
        if given is not None:
            raise bad("--given", "left out: this model has no given columns", given)
        return None
    if given is None:
        example = ",".join(f"{name}=0" for name in named.given)
        remedy = f"Say what to condition on: --given {example}, or --given FILE."
        raise bad("--given", f"values of {', '.join(named.given)}", "`none`", remedy)
    if "=" not in given or Path(given).exists():
        table = read_table(given, columns=named.given)
        if table.rows_read > table.rows.size:
            note(f"{given}: {table.report()}")
        return table.values
    pairs = [pair.partition("=") for pair in split_names(given)]
    values = {name.strip(): value for name, _, value in pairs}
    if len(values) != len(pairs) or set(values) != set(named.given):
        raise bad("--given", f"one value of each of {', '.join(named.given)}", given)
    numbers = [_number(name, values[name]) for name in named.given]
    return np.asarray([numbers])


def score_table(named: NamedModel, data: Path, output: Path) -> None:
    """Write the table with its log-densities, every row in its place."""
    format_of(output)
    require_writable(output)
    table, x, condition = named.read(data)
    log_prob = np.asarray(named.flow.log_prob(x, condition))
    column = np.full(table.rows_read, np.nan, log_prob.dtype)
    column[table.rows] = log_prob
    _write_scored(data, output, column, table.rows)
    mean = f"mean {log_prob.mean():.4f} nats per row"
    typer.echo(f"{data}: {table.report().rstrip('.')}; {mean}. Written to {output}.")
    dropped = table.rows_read - table.rows.size
    if dropped:
        note(f"{dropped:,} rows with a missing value have an empty log_prob.")
    wrong = int((~np.isfinite(log_prob)).sum())
    if wrong:
        note(f"{wrong:,} rows have a log-density that is not finite.")


def _write_scored(data: Path, output: Path, column: np.ndarray, rows: np.ndarray) -> None:
    import pyarrow as pa

    source = read_arrow(data, as_text=format_of(output) == "csv")
    if "log_prob" in source.column_names:
        note(f"{data} has a column log_prob already: it is replaced.")
        source = source.drop_columns("log_prob")
    empty = np.ones(column.shape, bool)
    empty[rows] = False
    write_arrow(source.append_column("log_prob", pa.array(column, mask=empty)), output)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise bad("--given", "name=number", f"{name}={text}") from None
    if not math.isfinite(value):
        raise bad("--given", "finite", f"{name}={text}")
    return value
