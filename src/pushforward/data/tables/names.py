"""Names of the columns of a table."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._errors import bad


def position(name: str, known: Sequence[str], argument: str = "columns") -> int:
    """Return the place of a column, which an argument names.

    Raises:
        ValueError: if there is none of this name; the message names similar ones.
    """
    if name in known:
        return known.index(name)
    raise bad(argument, "names of columns of the table", name, similar(name, known))


def similar(name: str, known: Sequence[str]) -> str:
    """Return a sentence that names columns like one that there is not, or all."""
    close = difflib.get_close_matches(name, known, n=3) or [k for k in known if k.lower() == name.lower()]
    return f"Did you mean {' or '.join(close)}?" if close else f"The columns are {', '.join(known)}."


def distinct_names(names: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return names that differ, none of them empty, and a sentence for each that was changed."""
    out: list[str] = []
    notes = []
    taken = {name.strip() for name in names}
    for place, name in enumerate(names, start=1):
        wanted = name.strip() or f"column {place}"
        new, number = wanted, 2
        while new in out or (new != name.strip() and new in taken):
            new, number = f"{wanted}.{number}", number + 1
        if not name.strip():
            notes.append(f"Column {place} has no name: called {new!r}.")
        elif new != name.strip():
            notes.append(f"Column {place} is called {wanted!r} like another: called {new!r}.")
        out.append(new)
    return out, tuple(notes)


def counts_rows(name: str, column: Any) -> bool:
    """Return whether a column of text has no name and holds 1, 2, 3, ... or 0, 1, 2, ..., as pandas and R write."""
    if name.strip() or not len(column) or column[0].as_py() not in ("0", "1"):
        return False
    first = int(column[0].as_py())
    return column.to_pylist() == np.arange(first, first + len(column)).astype(str).tolist()
