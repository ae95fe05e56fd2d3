"""The conditions of a density of columns, as rows of numbers."""

import warnings
from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np
from jaxtyping import Float

from .._errors import bad, require
from ..data import Table, read_table
from ._base import Path


def condition_rows(
    names: Sequence[str], given: Table | Mapping[str, float] | Path | None
) -> Float[np.ndarray, "rows given"] | None:
    """Return the rows of conditions, from a table, a file or a value per name; None for an unconditional density.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if values are missing or superfluous.
    """
    if not names:
        require(given is None, "given", "left out: this model has no given columns", given)
        return None
    if given is None:
        example = ",".join(f"{name}=0" for name in names)
        remedy = f"Say what to condition on: values by name, --given {example}, or a table, --given FILE."
        raise bad("given", f"values of {', '.join(names)}", "`none`", remedy)
    if isinstance(given, str | PathLike):
        path, given = given, read_table(given, columns=names)
        if given.rows_read > len(given):
            warnings.warn(f"{path}: {given.report()}", UserWarning, stacklevel=3)
    if isinstance(given, Table):
        return given.columns(names)
    require(set(given) == set(names), "given", f"one value of each of {', '.join(names)}", dict(given))
    return np.asarray([[float(given[name]) for name in names]])


def other_columns(given: Sequence[str], weights: str | None) -> tuple[str, ...]:
    """Return the names of the columns that are not part of the event, without repetition."""
    others = (*given, *([] if weights is None else [weights]))
    require(len(set(others)) == len(others), "given", "different columns, none of them that of --weights", others)
    return others
