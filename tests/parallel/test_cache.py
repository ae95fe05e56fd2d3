"""Compiled programs on disk: found again, shared, and never wrong."""

import json
import os
import pathlib
import subprocess
import sys
import time

import jax
import pytest

import pushforward as pf
from pushforward.parallel import cache

#: A program that is slow enough to be kept. A line holds what it gave, in digits, and how often it was found on disk.
SCRIPT = """
import sys
import jax, jax.numpy as jnp, numpy as np
import pushforward as pf
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name) if "cache_hits" in name else None)
folder = pf.cache_programs(sys.argv[1])
x = np.linspace(0, 1, 1000, dtype=np.float32)

@jax.jit
def program(x):
    for _ in range(20):
        x = jnp.sort(jnp.sin(x) + jnp.cumsum(x) / 1000)
    return x

def call():
    hits.clear()
    print(np.asarray(program(x)).tobytes().hex()[:400], len(hits), flush=True)
"""


def processes(tmp_path: pathlib.Path, script: str, count: int = 1, **env: str) -> list[tuple[list[str], str]]:
    """Run a script in new processes at once, and return what each wrote: lines of output, and errors."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    command = [sys.executable, "-W", "always", "-c", SCRIPT + script, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": inherited | env}
    started = [subprocess.Popen(command, **pipes) for _ in range(count)]
    outcomes = []
    for process in started:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        outcomes.append((output.splitlines(), errors))
    return outcomes


def test_programs_are_found_again_and_damage_is_harmless(tmp_path):
    # Two at once, the first ones, which write the same programs.
    outcomes = processes(tmp_path, "call()", 2)
    assert all(errors == "" for _, errors in outcomes)
    (bits,) = {lines[0].split()[0] for lines, _ in outcomes}
    (folder,) = tmp_path.iterdir()
    (program,) = folder.glob("jit_program-*-cache")
    whole = program.read_bytes()

    # What is damaged before a process starts is compiled anew, and what is damaged while it runs.
    program.write_bytes(whole[:-100] + bytes(100))
    damage = """
call(); jax.clear_caches(); call()
for path in folder.glob("jit_program-*-cache"):
    path.write_bytes(path.read_bytes()[:2000])
jax.clear_caches(); call()
"""
    ((lines, errors),) = processes(tmp_path, damage)
    assert [line.split() for line in lines] == [[bits, "0"], [bits, "1"], [bits, "0"]]
    assert errors.count("Warning") == 1
    assert "jit_program" in errors

    # The short one was listed when the process ended, so it shows no change: JAX cannot read it, and says so.
    assert all(line.split()[0] == bits for line in processes(tmp_path, "call()")[0][0])

    ((lines, errors),) = processes(tmp_path, "print(folder); call()", PUSHFORWARD_CACHE="off")
    assert lines == ["None", f"{bits} 0"]
    assert errors == ""


def entry(folder: pathlib.Path, name: str, content: bytes = b"program", *, used: bool = True) -> None:
    (folder / f"{name}-cache").write_bytes(content)
    if used:
        (folder / f"{name}-atime").write_bytes(bytes(8))


def names(folder: pathlib.Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lockfile", "list.json"}


def test_tidying_removes_what_is_not_whole(tmp_path):
    entry(tmp_path, "good")
    entry(tmp_path, "killed", used=False)
    entry(tmp_path, "empty", b"")
    (tmp_path / "alone-atime").write_bytes(bytes(8))
    cache.tidy(tmp_path)
    assert names(tmp_path) == {"good-cache", "good-atime"}
    assert list(json.loads((tmp_path / "list.json").read_text())) == ["good-cache"]
    entry(tmp_path, "more")
    cache.tidy(tmp_path)
    assert names(tmp_path) == {"good-cache", "good-atime", "more-cache", "more-atime"}
    (tmp_path / "good-cache").write_bytes(b"Program")
    cache.tidy(tmp_path)
    assert names(tmp_path) == {"more-cache", "more-atime"}
    (tmp_path / "list.json").write_text("[")
    cache.tidy(tmp_path)
    assert names(tmp_path) == {"more-cache", "more-atime"}


def test_folders_of_old_versions_are_removed(tmp_path):
    for name in ("programs-jax0.1", "programs-jax0.2", "other", "programs-mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "list.json").write_text("{}")
        if name != "programs-jax0.2":
            long_ago = time.time() - 100 * 86400
            os.utime(tmp_path / name / "list.json", (long_ago, long_ago))
    cache._remove_old(tmp_path, tmp_path / "programs-mine")
    assert {path.name for path in tmp_path.iterdir()} == {"programs-jax0.2", "other", "programs-mine"}


@pytest.fixture
def unset(monkeypatch):
    """Take away what the tests have configured, and do not let JAX open another cache."""
    was = jax.config.values["jax_compilation_cache_dir"]
    updates = {}
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.delenv("PUSHFORWARD_CACHE", raising=False)
    monkeypatch.setattr(cache, "_configure", lambda folder, max_size: updates.update({str(folder): max_size}))
    yield updates
    jax.config.update("jax_compilation_cache_dir", was)


def parent_of(folder: pathlib.Path | None) -> pathlib.Path | None:
    return None if folder is None else folder.parent


def test_a_configured_cache_is_left_alone(tmp_path):
    assert pf.cache_programs(tmp_path) == pathlib.Path(jax.config.values["jax_compilation_cache_dir"])
    assert list(tmp_path.iterdir()) == []


def test_where_programs_are_kept(unset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    folder = pf.cache_programs(max_size=10**6)
    assert folder is not None
    assert folder.parent == tmp_path / "xdg" / "pushforward"
    assert jax.__version__ in folder.name
    assert unset == {str(folder): 10**6}
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("PUSHFORWARD_CACHE", str(tmp_path / "named"))
    assert parent_of(pf.cache_programs()) == tmp_path / "named"
    assert parent_of(pf.cache_programs(tmp_path / "given")) == tmp_path / "given"
    monkeypatch.setenv("PUSHFORWARD_CACHE", "Off")
    assert pf.cache_programs() is None
    assert pf.cache_programs(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match="`max_size` must be a positive integer; got 0"):
        pf.cache_programs(max_size=0)


def test_a_folder_of_others_or_no_folder_is_not_used(unset, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="Compiled programs are not kept.*Name another `directory`"):
        assert pf.cache_programs(tmp_path / "file") is None
    # The default is quiet: a command runs as well without.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert pf.cache_programs() is None
    folder = pf.cache_programs(tmp_path)
    assert folder is not None
    folder.chmod(0o777)
    with pytest.warns(UserWarning, match="others may write to"):
        assert pf.cache_programs(tmp_path) is None
    assert len(unset) == 1


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_default_folder(monkeypatch, tmp_path, system):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setattr(pathlib.Path, "home", lambda: tmp_path)
    expected = {
        "linux": tmp_path / ".cache" / "pushforward",
        "darwin": tmp_path / "Library" / "Caches" / "pushforward",
        "win32": tmp_path / "local" / "pushforward" / "cache",
    }
    assert cache._default() == expected[system]
