"""Files of version 0.1 load, and give the densities that version 0.1 gave.

Each holds one architecture at random parameters, with one or two changes of `pf.adapt`. `expected.npz` holds draws and
their log-densities, in float32, as computed by the version that wrote the files.
"""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from pushforward import io

FILES = Path(__file__).parent / "files" / "v0.1"
EXPECTED = np.load(FILES / "expected.npz")

each_file = pytest.mark.parametrize("path", sorted(FILES.glob("*.pf")), ids=lambda path: path.stem)


@each_file
def test_a_file_of_version_0_1_gives_the_densities_of_version_0_1(path: Path) -> None:
    flow = io.load(path)
    x, expected = EXPECTED[f"{path.stem}.x"], EXPECTED[f"{path.stem}.log_prob"]
    condition = EXPECTED[f"{path.stem}.condition"] if flow.cond_shape else None
    np.testing.assert_allclose(flow.log_prob(x, condition), expected, rtol=1e-5)


@each_file
def test_its_arrays_are_untouched_and_it_can_be_saved_again(path: Path, tmp_path: Path) -> None:
    io.save(tmp_path / "again.pf", io.load(path))
    before, after = load_file(path), load_file(tmp_path / "again.pf")
    assert before.keys() == after.keys()
    for name, array in before.items():
        assert (array.dtype, array.shape) == (after[name].dtype, after[name].shape)
        assert array.tobytes() == after[name].tobytes()
    assert jax.tree.structure(io.load(tmp_path / "again.pf")) == jax.tree.structure(io.load(path))


def test_the_files_are_of_format_2_and_saved_again_of_format_3(tmp_path: Path) -> None:
    path = FILES / "coupling.pf"
    io.save(tmp_path / "again.pf", io.load(path))
    for file, version in ((path, 2), (tmp_path / "again.pf", 3)):
        data = file.read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        assert json.loads(header["__metadata__"]["pushforward"])["format"] == version
