"""Compiled programs of rows, a bounded number of rows at a time."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

#: Rows of one call of a compiled program: one of these.
SIZES = (64, 1024, 8192)
ROWS = SIZES[-1]


def in_chunks(program: Any, *rows: np.ndarray, sizes: Sequence[int] = SIZES) -> tuple[np.ndarray, ...]:
    """Return what a compiled program gives for arrays of rows, a bounded number of rows at a time.

    They are padded to one of a few `sizes`, of which the last is `ROWS`, so that few programs are compiled.
    """
    count = len(rows[0])
    dtype = jnp.result_type(float)
    found: list[tuple[np.ndarray, ...]] = []
    for start in range(0, max(count, 1), ROWS):
        part = [a[start : start + ROWS] for a in rows]
        size = len(part[0])
        wanted = next(bucket for bucket in sizes if bucket >= size)
        padded = [np.concatenate([a, np.zeros((wanted - size, *a.shape[1:]), a.dtype)]) for a in part]
        padded = [a.astype(dtype) if a.dtype.kind == "f" else a for a in padded]
        result = program(*padded)
        result = result if isinstance(result, tuple) else (result,)
        found.append(tuple(np.asarray(a)[:size] for a in result))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def pieces(a: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each call."""
    return [a[start : start + ROWS] for start in range(0, max(len(a), 1), ROWS)]
