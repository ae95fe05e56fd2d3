"""`pushforward fit` of a table: from its columns to a saved model, judged on held-out rows."""

import re
from dataclasses import dataclass
from typing import Any, final

import jax
import numpy as np

from .. import flows
from .._errors import bad, require
from ..data import Table, read_table
from ..distributions import Pushforward
from ..train import FitResult
from .console import note
from .inspecting import require_density, surprises
from .judging import judge, lines
from .model import fingerprint, split_rows
from .run import Run, Verdict, at, check, count_parameters, fit_flow, keep


@final
@dataclass(frozen=True)
class Request:
    """The options of `pushforward fit` for a table; None stands for the default of the Python API."""

    run: Run
    columns: tuple[str, ...]
    exclude: tuple[str, ...]
    given: tuple[str, ...]
    weights: str | None
    flow: str
    layers: int | None
    hidden: tuple[str, ...]
    strict: bool


def fit_table(request: Request) -> None:
    """Read, check, split, fit, save, judge; what cannot work is found before the fit, not after."""
    run = request.run
    check(run)
    table, names = _read(request)
    run.say(f"{run.data}: {table.report()}")
    for sentence in table.advice:
        note(sentence)
    require_density(table, (*names, *request.given))
    for sentence in surprises(table, names):
        note(sentence)
    x = table.columns(names)
    condition = table.columns(request.given) if request.given else None
    weights = None if request.weights is None else table.columns([request.weights])[:, 0]
    train, test = split_rows(x.shape[0], run.test_fraction, run.seed)

    key_flow, key_fit = jax.random.split(jax.random.key(run.seed))
    options = _flow_options(request)
    flow = getattr(flows, request.flow)(key_flow, len(names), cond_dim=len(request.given), **options)
    run.say(f"Columns: {', '.join(names)}" + (f", given {', '.join(request.given)}" if request.given else "") + ".")
    parameters = count_parameters(flow)
    run.say(f"Flow: {request.flow}, {parameters:,} parameters. Rows: {train.size:,} to fit, {test.size:,} held out.")
    result = _fit(request, key_fit, flow, names, x[train], at(condition, train), at(weights, train))
    about: dict[str, Any] = {
        "columns": list(names),
        "given": list(request.given),
        "weights": request.weights,
        "flow": request.flow,
        "options": options,
        "parameters": parameters,
        "fingerprint": fingerprint(table.names, table.values),
        "rows": {"read": table.rows_read, "complete": x.shape[0], "fit": train.size, "held_out": test.size},
    }

    def verdict() -> Verdict:
        results = judge(result.flow, x, condition, weights, train, test, run.seed)
        return {name: [r.mean, r.standard_error] for name, r in results.items()}, lines(results)

    keep(run, result, about, verdict if test.size else None)


def _read(request: Request) -> tuple[Table, tuple[str, ...]]:
    """Return the table, and the names of the columns whose density is learned."""
    extra = (*request.given, *([request.weights] if request.weights else []))
    require(len(set(extra)) == len(extra), "--given", "different columns, none of them that of --weights", extra)
    columns = None
    if request.columns:
        columns = (*request.columns, *(name for name in extra if name not in request.columns))
    clash = sorted(set(extra) & set(request.exclude))
    require(not clash, "--exclude", "free of the columns of --given and --weights", clash)
    table = read_table(request.run.data, columns, request.exclude, request.strict)
    table.columns(extra)
    names = tuple(name for name in table.names if name not in extra)
    require(bool(names), "--columns", "at least one that is not in --given or --weights", list(table.names))
    if request.weights is not None:
        low = float(table.columns([request.weights]).min())
        require(low >= 0, "--weights", "a column without negative values", f"`{low:g}` in {request.weights}")
    return table, names


def _flow_options(request: Request) -> dict[str, Any]:
    options: dict[str, Any] = {} if request.layers is None else {"layers": request.layers}
    if request.hidden:
        try:
            options["hidden"] = tuple(int(width) for width in request.hidden)
        except ValueError:
            raise bad("--hidden", "widths such as 128,128", ",".join(request.hidden)) from None
        require(min(options["hidden"]) > 0, "--hidden", "positive widths", ",".join(request.hidden))
    return options


def _fit(
    request: Request,
    key: Any,
    flow: Pushforward,
    names: tuple[str, ...],
    x: np.ndarray,
    condition: np.ndarray | None,
    weights: np.ndarray | None,
) -> FitResult[Pushforward]:
    try:
        return fit_flow(request.run, key, flow, x, condition, weights)
    except ValueError as error:
        raise ValueError(_with_names(str(error), names, request.given)) from error


def _with_names(sentence: str, names: tuple[str, ...], given: tuple[str, ...]) -> str:
    """Put names in the place of the column numbers of which the fit, which sees no names, speaks."""
    known = given if "`condition`" in sentence else names

    def name(match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[0])]
        return ", ".join(known[j] for j in numbers) if max(numbers) < len(known) else match[0]

    return re.sub(r"columns? \d+(, \d+)*", name, sentence)
