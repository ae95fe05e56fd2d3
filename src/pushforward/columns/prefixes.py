"""Rows that agree in the parts seen so far share the work of the network."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float, Int

from . import programs
from .chunks import ROWS, SIZES, in_chunks

#: Rows go on one by one where more than this share of them differ from all others: from there on, states that a network
#: goes on from cost less than the work that is shared.
SHARE = 0.5

#: (part, parameters of the prefixes, prefix of each row) -> None: writes the cells of a part, and sees them.
Act: TypeAlias = Callable[[Any, Float[np.ndarray, "prefixes members p"], Int[np.ndarray, " rows"]], None]


@final
class Prefixes:
    """Which rows agree in all seen parts.

    Attributes:
        of_rows: shape (rows,), the number of the prefix of each row.
        examples: shape (prefixes,), a row of each.
    """

    def __init__(self, cells: Float[np.ndarray, "rows parts 3"], seen: Bool[np.ndarray, "rows parts"]):
        self.of_rows = np.zeros(len(cells), np.int64)
        self.examples = np.zeros(1, np.int64)
        for part in np.flatnonzero(seen.any(axis=0)):
            self.see(cells[:, part], seen[:, part])

    def see(self, cells: Float[np.ndarray, "rows 3"], seen: Bool[np.ndarray, " rows"]) -> None:
        """Tell apart rows in which a part is seen with other cells, or not seen."""
        for end in (cells[:, 0], cells[:, 1]):
            values = np.unique(np.where(seen, end, np.nan), return_inverse=True)[1]
            both = self.of_rows * (values.max(initial=0) + 1) + values
            _, self.examples, self.of_rows = np.unique(both, return_index=True, return_inverse=True)


def walk(
    model: Any, cells: Float[np.ndarray, "rows parts 3"], seen: Bool[np.ndarray, "rows parts"], order: Any, act: Act
) -> int:
    """Take the steps of an order that rows can share, and return their number.

    Arguments:
        model: an `AnyOrder`.
        cells: the rows, without NaN; `act` may write those of its part.
        seen: which parts are seen; `act` may write those of its part.
        order: numbers of parts.
        act: what to do with a part.
    """
    if len(cells) <= ROWS:
        return 0
    prefixes = Prefixes(cells, seen)
    for step, part in enumerate(order):
        if len(prefixes.examples) > SHARE * len(cells):
            return step
        examples = prefixes.examples
        program = partial(programs.conditionals, model, part)
        params = in_chunks(program, cells[examples], seen[examples], sizes=SIZES[1:])[0]
        act(part, params, prefixes.of_rows)
        prefixes.see(cells[:, part], seen[:, part])
    return len(order)
