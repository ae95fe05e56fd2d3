"""Rows that belong together stay on one side of a split, and no split without groups changes."""

import numpy as np
import pytest

from pushforward.numerics.split import copies, joined, split_rows


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("held_out", [0, 1, 9, 50])
def test_groups_of_one_row_split_as_rows(held_out):
    plain, grouped = split_rows(rng(), 50, held_out), split_rows(rng(), 50, held_out, np.arange(50)[::-1])
    for a, b in zip(plain, grouped, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(plain[1]) == held_out


def test_groups_stay_together_and_large_ones_are_kept():
    groups = np.array([0] * 40 + [1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    kept, held = split_rows(rng(), 50, 5, groups)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(50))
    assert set(groups[kept]).isdisjoint(groups[held])
    assert len(held) == 4
    # Each group is larger than what is to be held out: then the smallest.
    assert len(split_rows(rng(), 50, 1, groups)[1]) == 2
    assert len(split_rows(rng(), 50, 5, 0 * groups)[1]) == 0


def test_copies_are_found_in_blocks():
    x = np.random.default_rng(0).normal(size=(200_000, 3))
    x[7], x[199_999], x[5, 1] = x[150_000], x[3], 0.0
    x[6] = x[5]
    x[6, 1] = -0.0
    first = copies(np.array_split(x, 7))
    changed = np.flatnonzero(first != np.arange(len(x)))
    np.testing.assert_array_equal(changed, [6, 150_000, 199_999])
    np.testing.assert_array_equal(first[changed], [5, 7, 3])
    # Small whole numbers differ in few bits; permuted columns in none of the sum.
    grid = np.stack(np.meshgrid(*[np.arange(60.0)] * 3), -1).reshape(-1, 3)
    np.testing.assert_array_equal(copies([grid]), np.arange(len(grid)))


def test_joined_groups_are_connected():
    found = joined(np.array([0, 0, 1, 2, 3]), np.array([9, 5, 5, 7, 8]))
    assert found[0] == found[1] == found[2]
    assert len(set(found)) == 3
