"""Which rows are held out to judge a model by, and how they are found again."""

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from .._errors import require


def held_out_rows(
    n: int, test_fraction: float, seed: int
) -> tuple[Int[np.ndarray, " fit"], Int[np.ndarray, " held_out"]]:
    """Return the places, in order, of the rows to fit and of those held out, drawn without replacement.

    Arguments:
        n: number of rows.
        test_fraction: the share that is held out, from 0 to below 1.
        seed: decides the draw.

    Raises:
        ValueError: if `test_fraction` is not as stated.
    """
    require(0 <= test_fraction < 1, "test_fraction", "at least 0 and below 1", test_fraction)
    held_out = round(n * test_fraction)
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def data_fingerprint(names: Sequence[str], values: np.ndarray) -> str:
    """Return a number that data share only if their names and values are the same."""
    digest = hashlib.sha256("\0".join(names).encode())
    digest.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
