"""A fit that is killed at any moment ends, when repeated, bit for bit as if it had not been."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).with_name("kill_script.py")
ENVIRONMENT = {
    **os.environ,
    "JAX_COMPILATION_CACHE_DIR": str(pathlib.Path(__file__).parents[2] / ".jax_cache"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
}


def start(checkpoint: pathlib.Path, result: pathlib.Path) -> subprocess.Popen:
    command = [sys.executable, str(SCRIPT), str(checkpoint), str(result)]
    return subprocess.Popen(command, env=ENVIRONMENT, start_new_session=True)


def finish(checkpoint: pathlib.Path, result: pathlib.Path) -> dict[str, np.ndarray]:
    assert start(checkpoint, result).wait(timeout=300) == 0
    return dict(np.load(result))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Return the arrays of the whole run, and how long it took from its first checkpoint to its end."""
    path = tmp_path_factory.mktemp("whole")
    process = start(path / "checkpoint", path / "result.npz")
    while not any(path.glob("checkpoint/*")):
        assert process.poll() is None
        time.sleep(0.01)
    began = time.monotonic()
    assert process.wait(timeout=300) == 0
    return dict(np.load(path / "result.npz")), time.monotonic() - began


def epochs_saved(path: pathlib.Path) -> int:
    """Return the largest epoch of which a checkpoint was begun, 0 if there is none."""
    return max((int(state.name.split(".")[0]) for state in path.glob("checkpoint/*")), default=0)


def kill_and_resume(path: pathlib.Path, epoch: int, delay: float, expected: dict[str, np.ndarray]) -> bool:
    """Kill a fit `delay` seconds after the checkpoint of an epoch began, resume it, compare; was it cut short?"""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    process = start(path / "checkpoint", path / "result.npz")
    while epochs_saved(path) < epoch:
        assert process.poll() is None
        time.sleep(0.001)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    cut_short = not (path / "result.npz").exists()
    resumed = finish(path / "checkpoint", path / "result.npz")
    assert resumed.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)
    return cut_short


def test_killed_twice(uninterrupted, tmp_path):
    expected, _ = uninterrupted
    # At once after a file appeared is in the middle of saving a state: the first, and one with states before it.
    assert kill_and_resume(tmp_path / "saving", 1, 0.0, expected)
    assert kill_and_resume(tmp_path / "running", 12, 0.0, expected)


@pytest.mark.slow
def test_killed_at_ten_random_moments(uninterrupted, tmp_path, rng):
    expected, duration = uninterrupted
    cut = [
        kill_and_resume(tmp_path / str(i), 1, delay, expected)
        for i, delay in enumerate(rng.uniform(0, 0.8 * duration, size=10))
    ]
    assert sum(cut) >= 5
