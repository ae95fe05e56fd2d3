"""Which rows of a fit train the flow and which stop it."""

import math
import warnings
from collections.abc import Iterator

import jax
import numpy as np

from ...numerics.split import copies, joined, split_rows
from . import rows as _rows
from .rows import Rows

#: The share of rows that are copies of other rows beyond which a fit says so: it has so many fewer rows than it seems
#: to. Below, standard errors are off by a twentieth, and rounding makes some rows equal by chance; a bootstrap sample
#: has 0.37.
MAX_COPIES = 0.1


def split_validation(
    table: Rows, used: np.ndarray, val_fraction: float | int, seed: np.ndarray, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows for training, two at least, and for validation, in order.

    Arguments:
        table: the data.
        used: the rows to split.
        val_fraction: share of them for validation.
        seed: the data of a random key.
        groups: shape (used,), a number for each row, the same for rows that stay on one side; None: the rows do not
            depend on each other.
    """
    count = 0
    if val_fraction > 0:
        count = min(max(1, round(val_fraction * len(used))), len(used) - 2)
    rng = np.random.default_rng([0, *seed.ravel().tolist()])
    train, val = split_rows(rng, len(used), count, groups)
    if len(train) < 2:
        train, val = np.arange(len(used)), train[:0]
    return used[train], used[val]


def group_copies(table: Rows, used: np.ndarray, groups: np.ndarray | None) -> np.ndarray | None:
    """Return groups of rows that hold all copies of a row, and the groups given; None if no row belongs to another.

    Not for whole numbers that receive noise: they repeat by nature, and a split that holds out every copy of a number
    asks for the density where none was shown. Fits to pairs of counts then stop at once, and end 0.1 to 0.3 nats lower.

    Warns if a good part of the rows are copies.

    Arguments:
        table: the data.
        used: the rows to look at.
        groups: shape (used,), as for `split_validation`.
    """
    first = copies(_joint_blocks(table, used))
    repeated = len(used) - np.count_nonzero(first == np.arange(len(used)))
    if repeated == 0:
        return groups
    if repeated > MAX_COPIES * len(used):
        what = "rows are copies of other rows" if table.condition is None else "pairs of x and condition are copies"
        warnings.warn(
            f"{repeated:,} of {len(used):,} {what}: the fit has {len(used) - repeated:,} different ones to learn from. "
            "Copies are kept on one side of the validation split. Pass each row once, with its count in `weights`; "
            'whole numbers, which repeat by nature, need `noise="uniform"`.',
            UserWarning,
            stacklevel=3,
        )
    if groups is None:
        return first
    both = joined(groups, first)
    # Groups that copies tie together into one could not be split at all.
    return both if (both != both[0]).any() else groups


def _joint_blocks(table: Rows, used: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows, x and condition side by side, in float64, a block at a time."""
    arrays = [table.x, *jax.tree.leaves(table.condition)]
    width = sum(math.prod(a.shape[1:]) for a in arrays)
    step = max(1, _rows.BLOCK_ELEMENTS // max(1, width))
    for start in range(0, len(used), step):
        part = used[start : start + step]
        flat = [np.asarray(a[part], np.float64).reshape((len(part), math.prod(a.shape[1:]))) for a in arrays]
        yield np.concatenate(flat, axis=1)
