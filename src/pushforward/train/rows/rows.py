"""The training table on the host: never copied whole, but read in blocks and batches."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import jax
import numpy as np
from jaxtyping import PyTree

from ...numerics.moments import Moments, moments
from .batch import Batch

#: Number of elements of x that one pass over the table holds in float64 at once.
BLOCK_ELEMENTS = 1 << 22
#: Bytes of training rows on the device at once. A smaller table is one chunk: one upload per epoch.
CHUNK_BYTES = 256 << 20


def float_dtype(array: np.ndarray) -> np.dtype:
    """Return float64 for float64 arrays if JAX has it enabled, else float32."""
    wanted = np.float64 if array.dtype == np.float64 else np.float32
    return np.dtype(jax.dtypes.canonicalize_dtype(wanted))


@final
@dataclass(frozen=True)
class Rows:
    """Events, their conditions and weights: arrays on the host, possibly memory maps.

    Attributes:
        x: shape (n, *shape), any real dtype.
        condition: shape (n, *cond_shape), or a tree of such arrays, or None.
        weights: shape (n,), float64, or None for equal weights.
        as_bytes: whether x holds bytes and goes to the device as bytes, a quarter of the size of floats.
        names: names of the columns of x, or None.
        condition_names: names of the columns of the condition, or None.
    """

    x: np.ndarray
    condition: PyTree = None
    weights: np.ndarray | None = None
    as_bytes: bool = False
    names: tuple[str, ...] | None = None
    condition_names: tuple[str, ...] | None = None

    def batches(self, rows: np.ndarray, unit: float | np.ndarray) -> Batch:
        """Return the rows `rows` for the device; a negative index stands for padding, which has weight zero.

        Arguments:
            rows: indices of any shape. Padding repeats the first row of its batch, so that it brings no new value
                into the batch.
            unit: the weights are divided by it.
        """
        real = rows >= 0
        filled = np.where(real, rows, rows[..., :1])
        weight = real * ((1.0 if self.weights is None else self.weights[filled]) / unit)
        return Batch(
            weight=weight.astype(float_dtype(self.x)),
            x=self.x[filled] if self.as_bytes else self.x[filled].astype(float_dtype(self.x)),
            condition=jax.tree.map(lambda c: c[filled].astype(float_dtype(c)), self.condition),
        )

    def bytes_per_row(self) -> int:
        """Return the number of bytes of one row on the device."""
        of_x = math.prod(self.x.shape[1:]) * (1 if self.as_bytes else float_dtype(self.x).itemsize)
        conditions = jax.tree.leaves(self.condition)
        return of_x + sum(math.prod(c.shape[1:]) * float_dtype(c).itemsize for c in conditions) + 4

    def mean_weight(self, rows: np.ndarray) -> float:
        """Return the mean weight of the rows `rows`."""
        return 1.0 if self.weights is None else float(self.weights[rows].mean())

    def moments(self, rows: np.ndarray) -> tuple[Moments, Any]:
        """Return the moments over the rows `rows` of x, and of the condition, as a tree of the same structure."""
        weights = np.ones(len(rows)) if self.weights is None else self.weights[rows]
        weights = weights / weights.max()

        def of(array: np.ndarray) -> Moments:
            return moments((block, weights[start : start + len(block)]) for start, block in blocks(array, rows))

        return of(self.x), jax.tree.map(of, self.condition)


@final
@dataclass(frozen=True)
class Chunk:
    """Some batches for the device, and the index into the table of each entry (negative: padding)."""

    batches: Batch
    rows: np.ndarray


def blocks(array: np.ndarray, rows: np.ndarray | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (offset, block): `array[rows]` in float64, flattened to two dimensions, a block at a time."""
    count = len(array) if rows is None else len(rows)
    width = math.prod(array.shape[1:])
    step = max(1, BLOCK_ELEMENTS // max(1, width))
    for start in range(0, count, step):
        part = slice(start, start + step)
        block = np.asarray(array[part] if rows is None else array[rows[part]], np.float64)
        yield start, block.reshape((len(block), width))


def split_evenly(rows: np.ndarray, batch_size: int, multiple: int = 1) -> np.ndarray:
    """Return `rows` as batches of at most `batch_size`, as few and as even as possible, shape (batches, rows).

    Their numbers of rows differ by at most one. Indices of -1 pad all to the same length, a multiple of `multiple`.
    """
    count = math.ceil(len(rows) / batch_size)
    size = math.ceil(len(rows) / count)
    full = len(rows) - count * (size - 1)
    out = np.full((count, math.ceil(size / multiple) * multiple), -1, dtype=np.int64)
    out[:full, :size] = rows[: full * size].reshape((full, size))
    out[full:, : size - 1] = rows[full * size :].reshape((count - full, size - 1))
    return out


def chunks(table: Rows, batches: np.ndarray, mean_weight: float, chunk_bytes: int) -> Iterator[Chunk]:
    """Yield chunks of whole batches of at most `chunk_bytes`, but at least one batch.

    In a batch of n rows, a row of weight `mean_weight` receives the weight 1 / n.
    """
    per_chunk = max(1, chunk_bytes // (batches.shape[1] * table.bytes_per_row()))
    for part in np.array_split(batches, math.ceil(len(batches) / per_chunk)):
        real = (part >= 0).sum(axis=1, keepdims=True)
        yield Chunk(table.batches(part, mean_weight * real), part)


def shuffled(
    table: Rows,
    train: np.ndarray,
    batch_size: int,
    seed: np.ndarray,
    devices: int,
    members: Sequence[np.ndarray] | None = None,
) -> Callable[[int, None], Iterator[Chunk]]:
    """Return a function (number of an epoch) -> its batches: the rows in a random order of that epoch.

    Arguments:
        table: the data.
        train: the rows to use.
        batch_size: the most rows of a batch.
        seed: the data of a random key.
        devices: number of devices that share a batch.
        members: the rows of each of several models that share the batches; weights then have an axis for them.
    """
    mean_weight = table.mean_weight(train)
    own = None if members is None else np.stack([np.isin(np.arange(len(table.x)), rows) for rows in members], axis=1)

    def for_members(chunk: Chunk) -> Chunk:
        if own is None:
            return chunk
        weight = chunk.batches.weight[..., None] * own[chunk.rows]
        # In the batch of each member, too, the weights of equal rows sum to one.
        share = (own[chunk.rows] & (chunk.rows >= 0)[..., None]).sum(axis=1, keepdims=True)
        rows = (chunk.rows >= 0).sum(axis=1)[:, None, None]
        weight = (weight * (rows / np.maximum(share, 1))).astype(chunk.batches.weight.dtype)
        return replace(chunk, batches=replace(chunk.batches, weight=weight))

    def epoch(number: int, memory: None) -> Iterator[Chunk]:
        order = np.random.default_rng([1, number, *seed.ravel().tolist()]).permutation(train)
        found = chunks(table, split_evenly(order, batch_size, devices), mean_weight, CHUNK_BYTES)
        return map(for_members, found)

    return epoch
