"""Every row is used once per epoch, in batches of one shape."""

import numpy as np
import pytest

from pushforward.train.rows.rows import Rows, blocks, chunks, split_evenly


@pytest.mark.parametrize(("n", "batch_size"), [(1, 1), (1, 9), (10, 3), (17, 4), (12, 10), (100, 100), (101, 10)])
@pytest.mark.parametrize("multiple", [1, 3])
def test_split_evenly(n, batch_size, multiple):
    rows = np.arange(n) + 5
    lines = split_evenly(rows, batch_size, multiple)
    lengths = (lines >= 0).sum(axis=1)
    assert len(lines) == -(-n // batch_size)
    assert lengths.max() <= batch_size
    assert lines.shape[1] % multiple == 0
    assert lines.shape[1] < lengths.max() + multiple
    assert lengths.max() - lengths.min() <= 1
    assert lengths.min() >= 1
    np.testing.assert_array_equal(lines[lines >= 0], rows)


def test_padding_has_no_weight_and_repeats_a_row_of_its_batch():
    table = Rows(np.arange(10.0)[:, None], None, np.arange(10.0) + 1)
    batch = table.batches(np.array([[3, 4, 5], [6, 7, -1]]), unit=2.0)
    np.testing.assert_array_equal(batch.weight, [[2, 2.5, 3], [3.5, 4, 0]])
    np.testing.assert_array_equal(batch.x[..., 0], [[3, 4, 5], [6, 7, 6]])


@pytest.mark.parametrize("chunk_bytes", [1, 100, 1 << 20])
def test_chunks_hold_whole_batches_and_all_rows(chunk_bytes, rng):
    table = Rows(rng.normal(size=(50, 3)).astype(np.float32), None, None)
    lines = split_evenly(np.arange(50), 4)
    parts = list(chunks(table, lines, 1.0, chunk_bytes))
    np.testing.assert_array_equal(np.concatenate([p.rows for p in parts]), lines)
    for part in parts:
        assert part.batches.x.shape == (*part.rows.shape, 3)
        assert len(part.rows) == 1 or part.rows.size * table.bytes_per_row() <= chunk_bytes


def test_blocks_are_float64_and_complete(rng, monkeypatch):
    monkeypatch.setattr("pushforward.train.rows.rows.BLOCK_ELEMENTS", 10)
    x = rng.integers(0, 9, size=(11, 2, 2))
    parts = list(blocks(x))
    assert [start for start, _ in parts] == [0, 2, 4, 6, 8, 10]
    joined = np.concatenate([part for _, part in parts])
    assert joined.dtype == np.float64
    np.testing.assert_array_equal(joined, x.reshape(11, 4))
    np.testing.assert_array_equal(np.concatenate([b for _, b in blocks(x, np.array([7, 1, 2]))]), joined[[7, 1, 2]])
