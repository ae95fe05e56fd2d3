"""The truths by name: a decorator on each function enters it, with the number of rows that a model sees."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Rows, condition or None, and the log-density of the truth in nats per row, or None where nobody knows it.
Draw = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]
#: Rows, condition or None, and the log-density of the truth in nats per row.
Known = tuple[np.ndarray, np.ndarray | None, np.ndarray]
Density = Callable[[np.random.Generator, int], Known]
#: From a seed and a number of rows, the rows for training and the rows that judge.
Split = Callable[[int, int], tuple[Draw, Draw]]


@dataclass(frozen=True)
class Truth:
    """One truth.

    Attributes:
        name: what it goes by.
        group: the module that holds it.
        about: what it is, in a line.
        rows: number of rows that a model sees by default.
        draw: draws rows of a known density; None for a table, whose density is not known.
        table: splits a table into rows for training and held-out ones; None for a known density.
    """

    name: str
    group: str
    about: str
    rows: int
    draw: Density | None = None
    table: Split | None = None

    def split(self, seed: int, rows: int, fresh: int) -> tuple[Draw, Draw]:
        """Return the rows for training and at most `fresh` others."""
        if self.draw is not None:
            rng = np.random.default_rng(seed)
            return self.draw(rng, rows), self.draw(rng, fresh)
        if self.table is None:
            raise TypeError(f"{self.name} has neither a density nor a table")
        train, (x, condition, _) = self.table(seed, rows)
        return train, (x[:fresh], None if condition is None else condition[:fresh], None)


TRUTHS: dict[str, Truth] = {}


def _enter(truth: Truth) -> None:
    if truth.name in TRUTHS:
        raise ValueError(f"there are two truths of the name {truth.name}")
    TRUTHS[truth.name] = truth


def _describe(f: Callable[..., object]) -> tuple[str, str]:
    """Return the group of a function and the first line of its docstring."""
    return f.__module__.rpartition(".")[2], (f.__doc__ or "").splitlines()[0]


def density(rows: int, name: str | None = None) -> Callable[[Density], Density]:
    """Enter a known density by its function's name, or another name."""

    def enter(f: Density) -> Density:
        _enter(Truth(name or f.__name__, *_describe(f), rows, draw=f))
        return f

    return enter


def table(rows: int) -> Callable[[Split], Split]:
    """Enter a table, of which that many rows are for training."""

    def enter(f: Split) -> Split:
        _enter(Truth(f.__name__, *_describe(f), rows, table=f))
        return f

    return enter
