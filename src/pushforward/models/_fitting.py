"""The fit of a model of a table: of its own architecture, or of one that a search chooses."""

from typing import Any

from .._errors import require
from .._types import Key
from ..data import Table
from ..distributions import AbstractDistribution
from .halving.candidates import FIT_SETTINGS, candidates_for, seed_of
from .halving.trial import Trial
from .record import Architecture


def fit_or_search(
    key: Key,
    start: tuple[AbstractDistribution, Architecture | None],
    rows: tuple[Table, Table | None, Any],
    search: bool,
    minutes: float | int | None,
    options: dict[str, Any],
) -> tuple[Any, Architecture | None, tuple[Trial, ...]]:
    """Return the result of a fit, the architecture of its flow, and what a search tried.

    Arguments:
        key: random key.
        start: the flow to fit, and its architecture; not used by a search.
        rows: events, conditions and weights.
        search, minutes: whether to search, and the time for it.
        options: arguments of `pushforward.fit`, or of `pushforward.search`; if they hold no candidates, also settings
            of the fit for all of them.
    """
    if not search:
        from ..train import fit

        require(minutes is None, "minutes", "left out without `search`", minutes)
        return fit(key, start[0], *rows, **options), start[1], ()
    from .halving.search import search as choose

    if options.get("candidates") is None:
        shared = {name: value for name, value in options.items() if name in FIT_SETTINGS}
        dim, cond_dim = len(rows[0].names), 0 if rows[1] is None else len(rows[1].names)
        of_shape = candidates_for(len(rows[0]), dim, cond_dim, seed=seed_of(key), fit=shared)
        options = {**{name: value for name, value in options.items() if name not in shared}, "candidates": of_shape}
    found = choose(key, *rows, minutes=minutes, **options)
    chosen = found.best.candidate
    architecture = None if chosen is None else Architecture.of(chosen.flow, chosen.settings, found.flow)
    return found.fit, architecture, found.tried
