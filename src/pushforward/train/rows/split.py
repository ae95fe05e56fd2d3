"""The split of the rows of a fit into training and validation rows."""

import math
import warnings
from collections.abc import Iterator

import jax
import numpy as np

from ...numerics.split import copies, joined, split_rows
from . import rows as _rows
from .rows import Rows

#: A fit warns if more than this share of the rows are copies of other rows, since it has fewer independent rows than it
#: seems to. Below it, standard errors are off by a twentieth at most, and rounding makes some rows equal by chance. In
#: a bootstrap sample the share is 0.37.
MAX_COPIES = 0.1


def split_validation(
    table: Rows, used: np.ndarray, val_fraction: float | int, seed: np.ndarray, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows for training, at least two, and for validation, in order.

    Arguments:
        table: the data.
        used: the rows to split.
        val_fraction: share of them for validation.
        seed: the data of a random key.
        groups: shape (used,), a number for each row; rows of the same number stay on the same side. None: the rows are
            independent.
    """
    count = 0
    if val_fraction > 0:
        count = min(max(1, round(val_fraction * len(used))), len(used) - 2)
    rng = np.random.default_rng([0, *seed.ravel().tolist()])
    train, val = split_rows(rng, len(used), count, groups)
    if len(train) < 2:
        train, val = np.arange(len(used)), train[:0]
    return used[train], used[val]


def split_for_members(
    table: Rows,
    used: np.ndarray,
    val_fraction: float | int,
    seed: np.ndarray,
    groups: np.ndarray | None,
    members: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows for training and for validation of each member.

    No row is held out by a second member before every row has been held out once, so that nearly every row teaches
    nearly every member. The first split is that of `split_validation`.

    Arguments:
        table, used, val_fraction, seed, groups: as for `split_validation`.
        members: the number of splits.
    """
    train, val = split_validation(table, used, val_fraction, seed, groups)
    splits = [(train, val)]
    free = ~np.isin(used, val)
    for member in range(1, members):
        if free.sum() < max(4, 2 * len(val)):
            free[:] = True
        fraction = val_fraction * len(used) / free.sum()
        own = np.append(seed, np.asarray(member, seed.dtype))
        _, val = split_validation(table, used[free], fraction, own, None if groups is None else groups[free])
        splits.append((np.setdiff1d(used, val), val))
        free &= ~np.isin(used, val)
    return splits


def group_copies(table: Rows, used: np.ndarray, groups: np.ndarray | None) -> np.ndarray | None:
    """Merge the given groups with groups of equal rows; None if every row is alone.

    Do not use it for whole numbers that receive noise: they repeat by nature, and a split that holds out every copy of
    a number validates the density where there are no training rows. Fits to pairs of counts then stop at once, and end
    0.1 to 0.3 nats lower.

    Warns if a good part of the rows are copies.

    Arguments:
        table: the data.
        used: the rows to group.
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
    # If copies merge all groups into one, no split would be possible.
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
