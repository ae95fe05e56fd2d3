"""The training table as the host holds it: never copied whole, handed out in blocks and batches."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

import jax
import numpy as np

#: Elements of x that one pass over the table holds in float64 at a time.
BLOCK_ELEMENTS = 1 << 22
#: Bytes of training rows on the device at a time. A table below this is one chunk: one upload per epoch.
CHUNK_BYTES = 256 << 20

#: What a loss sees: "x" (batch, *shape), "condition" (batch, *cond_shape) or None, "weight" (batch,).
Batch = dict[str, Any]


def float_dtype(array: np.ndarray) -> np.dtype:
    """Return float64 for float64 where JAX has it enabled, else float32."""
    wanted = np.float64 if array.dtype == np.float64 else np.float32
    return np.dtype(jax.dtypes.canonicalize_dtype(wanted))


@final
@dataclass(frozen=True)
class Rows:
    """Events, their conditions and weights: arrays of the host, possibly memory maps.

    Attributes:
        x: shape (n, *shape), any real dtype.
        condition: shape (n, *cond_shape), or None.
        weights: shape (n,), float64, or None for equal weights.
        as_bytes: whether x, of bytes, goes to the device as it is, a quarter of the size.
    """

    x: np.ndarray
    condition: np.ndarray | None
    weights: np.ndarray | None
    as_bytes: bool = False

    def batches(self, rows: np.ndarray, unit: float | np.ndarray) -> Batch:
        """Return the rows `rows` for the device; a negative index stands for padding, which has weight zero.

        Arguments:
            rows: indices of any shape. Padding repeats the first row of its own line, so that it adds no
                value to a batch that was not in it already.
            unit: the weight that becomes one.
        """
        real = rows >= 0
        filled = np.where(real, rows, rows[..., :1])
        weight = real * ((1.0 if self.weights is None else self.weights[filled]) / unit)
        return {
            "x": self.x[filled] if self.as_bytes else self.x[filled].astype(float_dtype(self.x)),
            "condition": None if self.condition is None else self.condition[filled].astype(float_dtype(self.condition)),
            "weight": weight.astype(float_dtype(self.x)),
        }

    def bytes_per_row(self) -> int:
        """Return what one row occupies on the device."""
        of_x = math.prod(self.x.shape[1:]) * (1 if self.as_bytes else float_dtype(self.x).itemsize)
        c = self.condition
        return of_x + (0 if c is None else math.prod(c.shape[1:]) * float_dtype(c).itemsize) + 4

    def mean_weight(self, rows: np.ndarray) -> float:
        """Return the mean weight of the rows `rows`."""
        return 1.0 if self.weights is None else float(self.weights[rows].mean())


@final
@dataclass(frozen=True)
class Chunk:
    """Some batches: what the device receives, and the table's row of each entry (negative: padding)."""

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
    """Return `rows` as lines of at most `batch_size`, as few and as even as possible.

    Their numbers of rows differ by one at most. All are filled up with -1 to one length, a multiple of `multiple`.
    """
    count = math.ceil(len(rows) / batch_size)
    size = math.ceil(len(rows) / count)
    full = len(rows) - count * (size - 1)
    out = np.full((count, math.ceil(size / multiple) * multiple), -1, dtype=np.int64)
    out[:full, :size] = rows[: full * size].reshape((full, size))
    out[full:, : size - 1] = rows[full * size :].reshape((count - full, size - 1))
    return out


def chunks(table: Rows, lines: np.ndarray, mean_weight: float, chunk_bytes: int) -> Iterator[Chunk]:
    """Yield the batches `lines` in chunks of whole batches of at most `chunk_bytes`, one batch at least.

    A row of weight `mean_weight` has 1 / n there, in a batch of n rows.
    """
    per_chunk = max(1, chunk_bytes // (lines.shape[1] * table.bytes_per_row()))
    for part in np.array_split(lines, math.ceil(len(lines) / per_chunk)):
        real = (part >= 0).sum(axis=1, keepdims=True)
        yield Chunk(table.batches(part, mean_weight * real), part)


def split_rows(used: np.ndarray, val_fraction: float | int, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows for training, two at least, and for validation, in order; `words` are those of a key."""
    count = 0
    if val_fraction > 0:
        count = min(max(1, round(val_fraction * len(used))), len(used) - 2)
    order = np.random.default_rng([0, *words.ravel().tolist()]).permutation(len(used))
    return used[np.sort(order[count:])], used[np.sort(order[:count])]


def shuffled(
    table: Rows, train: np.ndarray, batch_size: int, words: np.ndarray, devices: int
) -> Callable[[int, None], Iterator[Chunk]]:
    """Return a function of the number of an epoch, to its batches: the rows in an order of that epoch."""
    mean_weight = table.mean_weight(train)

    def epoch(number: int, memory: None) -> Iterator[Chunk]:
        order = np.random.default_rng([1, number, *words.ravel().tolist()]).permutation(train)
        return chunks(table, split_evenly(order, batch_size, devices), mean_weight, CHUNK_BYTES)

    return epoch
