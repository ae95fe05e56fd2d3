"""Split rows into rows to fit and rows held out; rows of one group stay on one side."""

from collections.abc import Iterable

import numpy as np

#: Odd numbers that spread the bits of a 64-bit number ("Fast Splittable Pseudorandom Number Generators", Steele, Lea,
#: Flood, 2014).
STEP, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
#: Elements that are hashed at a time: a block that stays in the cache of a processor.
HASHED = 1 << 16


def split_rows(
    rng: np.random.Generator, n: int, held_out: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the rows kept and of the rows held out, each in order.

    Rows are held out in a random order. With groups, a row is held out with its whole group; a group with more rows
    than are still to be held out is kept. Groups of one row each give the same split as no groups.

    Arguments:
        rng: decides the order.
        n: number of rows.
        held_out: number of rows to hold out; with groups, the most rows, unless the smallest group is larger.
        groups: shape (n,), a non-negative integer for each row, equal for rows that stay together.
    """
    order = rng.permutation(n)
    if groups is None:
        return np.sort(order[held_out:]), np.sort(order[:held_out])
    is_held = np.isin(groups, _held_groups(groups[order], held_out))
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def _held_groups(shuffled: np.ndarray, held_out: int) -> np.ndarray:
    """Return the groups to hold out, given the groups of the shuffled rows."""
    names, first, sizes = np.unique(shuffled, return_index=True, return_counts=True)
    if held_out == 0 or len(names) == 1:
        return names[:0]
    held, left = [], held_out
    for i in np.argsort(first):
        if sizes[i] <= left:
            held.append(names[i])
            left -= sizes[i]
        if left == 0:
            break
    return np.array(held or [names[np.argmin(sizes)]])


def copies(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return for each row the index of the first row equal to it, shape (rows,).

    Rows are compared by hashes of 64 bits: with a probability of 3e-4, two of a hundred million different rows have the
    same hash.

    Arguments:
        parts: the rows, block by block, in float64, each of shape (rows, columns). No block is kept.
    """
    hashes = np.concatenate([np.zeros(0, np.uint64), *(_hashes(part) for part in parts)])
    _, first, place = np.unique(hashes, return_index=True, return_inverse=True)
    return first[place]


def joined(groups: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the finest groups in which rows that share a group in either argument share a group.

    Arguments:
        groups, others: shape (rows,), non-negative integers.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = (np.unique(labels, return_inverse=True)[1] for labels in (groups, others))
    size = int(left.max()) + 1 + int(right.max()) + 1
    edges = coo_array((np.ones(len(left), bool), (left, left.max() + 1 + right)), shape=(size, size))
    return connected_components(edges, directed=False)[1][left].astype(np.int64)


def _hashes(part: np.ndarray) -> np.ndarray:
    step = max(1, HASHED // max(1, part.shape[1]))
    column = STEP * np.arange(1, part.shape[1] + 1, dtype=np.uint64)
    out = np.empty(len(part), np.uint64)
    for start in range(0, len(part), step):
        # Adding zero turns -0.0 into 0.0, an equal number with other bits.
        bits = (part[start : start + step] + 0.0).view(np.uint64) + column
        bits ^= bits >> np.uint64(30)
        bits *= FIRST
        bits ^= bits >> np.uint64(27)
        bits *= SECOND
        bits ^= bits >> np.uint64(31)
        out[start : start + step] = bits.sum(axis=1, dtype=np.uint64)
    return out
