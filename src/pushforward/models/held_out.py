"""The rows held out to evaluate a model, and the fingerprint that finds them again."""

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from .._errors import require
from ..numerics.split import copies, split_rows


def held_out_rows(
    n: int, test_fraction: float | int, seed: int, groups: Int[np.ndarray, " n"] | None = None
) -> tuple[Int[np.ndarray, " fit"], Int[np.ndarray, " held_out"]]:
    """Return the indices, in order, of the rows to fit and of the held-out rows, drawn without replacement.

    Arguments:
        n: number of rows.
        test_fraction: the share of the rows to hold out, from 0 to below 1.
        seed: decides the draw.
        groups: a number for each row; rows of the same number stay on the same side. None: the rows are independent.

    Raises:
        ValueError: if `test_fraction` is not as stated.
    """
    require(0 <= test_fraction < 1, "test_fraction", "at least 0 and below 1", test_fraction)
    return split_rows(np.random.default_rng(seed), n, round(n * test_fraction), groups)


def copies_in(values: np.ndarray) -> Int[np.ndarray, " n"] | None:
    """Return a number for each row, the same for copies, or None if there are no copies.

    A model must not be evaluated on copies of the rows that it was fitted to: they flatter it.

    Arguments:
        values: shape (rows, columns).
    """
    first = copies([np.asarray(values, np.float64)])
    return None if np.array_equal(first, np.arange(len(first))) else first


def data_fingerprint(names: Sequence[str], values: np.ndarray) -> str:
    """Return a digest that is the same only for data of the same names and values."""
    digest = hashlib.sha256("\0".join(names).encode())
    digest.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
