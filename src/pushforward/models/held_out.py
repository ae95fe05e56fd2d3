"""Which rows are held out to judge a model by, and how they are found again."""

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from .._errors import require
from ..numerics.split import copies, split_rows


def held_out_rows(
    n: int, test_fraction: float, seed: int, groups: Int[np.ndarray, " n"] | None = None
) -> tuple[Int[np.ndarray, " fit"], Int[np.ndarray, " held_out"]]:
    """Return the places, in order, of the rows to fit and of those held out, drawn without replacement.

    Arguments:
        n: number of rows.
        test_fraction: the share that is held out, from 0 to below 1.
        seed: decides the draw.
        groups: a number for each row, the same for rows that stay on one side; None: each row is for itself.

    Raises:
        ValueError: if `test_fraction` is not as stated.
    """
    require(0 <= test_fraction < 1, "test_fraction", "at least 0 and below 1", test_fraction)
    return split_rows(np.random.default_rng(seed), n, round(n * test_fraction), groups)


def copies_in(values: np.ndarray) -> Int[np.ndarray, " n"] | None:
    """Return a number for each row, the same for copies, which would flatter a model that is judged by them; or None.

    Arguments:
        values: shape (rows, columns).
    """
    first = copies([np.asarray(values, np.float64)])
    return None if np.array_equal(first, np.arange(len(first))) else first


def data_fingerprint(names: Sequence[str], values: np.ndarray) -> str:
    """Return a number that data share only if their names and values are the same."""
    digest = hashlib.sha256("\0".join(names).encode())
    digest.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
