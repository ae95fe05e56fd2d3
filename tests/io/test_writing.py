"""A save happens wholly or not at all, and says why it did not."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pushforward import distributions, io

OLD, NEW = distributions.StandardNormal((1,)), distributions.StandardNormal((2,))


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    path = tmp_path / "m.pf"
    io.save(path, OLD)

    def interrupt(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, step, interrupt)
        with pytest.raises(type(error)) as caught:
            io.save(path, NEW)
    if isinstance(error, OSError):
        assert str(caught.value) == f"`{path}` cannot be written: no space left on device."
    assert io.load(path) == OLD
    assert os.listdir(tmp_path) == ["m.pf"]


def test_killed_while_saving(tmp_path: Path) -> None:
    path = tmp_path / "m.pf"
    script = """
        import sys, jax
        from pushforward import distributions, io
        models = [distributions.Normal(jax.numpy.full(100_000, float(i)), 1.0) for i in range(2)]
        io.save(sys.argv[1], models[0])
        print("ready", flush=True)
        while True:
            for model in models:
                io.save(sys.argv[1], model)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert set(io.load(path).loc.tolist()) in ({0.0}, {1.0})


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("none/m.pf", FileNotFoundError, "no such file or directory"),
        ("file/m.pf", NotADirectoryError, "not a directory"),
        (".", IsADirectoryError, "it is a directory"),
        ("pipe", OSError, "it is not a regular file"),
        ("x" * 300, OSError, "file name too long"),
    ],
)
def test_unwritable(tmp_path: Path, name: str, error: type[OSError], reason: str) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(error) as caught:
        io.save(tmp_path / name, NEW)
    assert str(caught.value) == f"`{tmp_path / name}` cannot be written: {reason}."
    assert sorted(os.listdir(tmp_path)) == ["file", "pipe"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"m\.pf` cannot be written: permission denied"):
        io.save(tmp_path / "m.pf", NEW)


def test_a_link_is_followed(tmp_path: Path) -> None:
    io.save(tmp_path / "m.pf", OLD)
    (tmp_path / "link").symlink_to("m.pf")
    io.save(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert io.load(tmp_path / "m.pf") == NEW


def test_the_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    io.save(tmp_path / "m.pf", NEW)
    assert (tmp_path / "m.pf").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_path(tmp_path: Path) -> None:
    io.save(os.fspath(tmp_path / "no suffix"), NEW)
    assert io.load(tmp_path / "no suffix") == NEW
