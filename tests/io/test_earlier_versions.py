"""Files of earlier versions load, bit for bit as far as arrays go. Those of 0.1 were written by it."""

from pathlib import Path

import jax
import numpy as np
import pytest

import pushforward as pf

FILES = Path(__file__).with_name("files")
OF_0_1 = sorted((FILES / "v0.1").glob("*.pf"))


@pytest.mark.parametrize("path", OF_0_1, ids=lambda path: path.stem)
def test_a_file_of_version_0_1(path: Path, tmp_path: Path):
    expected = np.load(path.with_name("expected.npz"))
    flow = pf.load(path)
    name = path.stem
    condition = expected.get(f"{name}.condition")
    found = flow.log_prob(expected[f"{name}.x"], condition)
    np.testing.assert_allclose(found, expected[f"{name}.log_prob"], rtol=1e-5, atol=1e-5)
    # Written again it is of today's format, and the same.
    pf.save(tmp_path / "again.pf", flow)
    again = pf.load(tmp_path / "again.pf")
    assert jax.tree.structure(again) == jax.tree.structure(flow)
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(flow), strict=True):
        np.testing.assert_array_equal(one, other)


def test_there_are_such_files():
    assert len(OF_0_1) >= 9
