"""Compiled programs, kept on disk for the next process."""

import atexit
import hashlib
import json
import os
import platform
import shutil
import sys
import time
import warnings
from pathlib import Path

import filelock
import jax
from jaxlib.version import __version__ as jaxlib_version

from .._errors import require_count

#: The environment variable that names the folder, or switches the cache off.
VARIABLE = "PUSHFORWARD_CACHE"
OFF = ("", "0", "false", "no", "off")
#: Bytes of the programs of one folder: those of a default flow, its fit, density and draws take less than one million.
MAX_SIZE = 256 << 20
#: Programs that compile faster are not kept: to read one takes as long, and all are looked through when one is added.
LEAST_SECONDS = 0.05
#: Days after which a folder that no process has opened is removed: it is of versions that are gone.
KEPT_DAYS = 90
#: How the names of folders begin, and the list of the programs in one.
PREFIX, LIST = "programs-", "list.json"


def cache_programs(directory: str | Path | None = None, *, max_size: int = MAX_SIZE) -> Path | None:
    """Keep compiled programs on disk, for all processes to come. Call it before the first computation.

    A program is found again by what it computes, its shapes, and the versions and options of the compiler, so that
    results are the same, bit for bit. The programs are machine code: they lie in a folder whose name holds the versions
    and what distinguishes this processor, so that machines may share a home, and which only its owner may write to.
    Processes may use it at once. A damaged program is compiled anew. Programs that were not used for the longest time
    are removed when there is no more room.

    Where JAX has a folder already, by `JAX_COMPILATION_CACHE_DIR` or `jax.config`, it is left as it is. The environment
    variable `PUSHFORWARD_CACHE=off` switches this cache off, and `PUSHFORWARD_CACHE=/a/folder` names its place.

    Arguments:
        directory: the folder; None for that of `PUSHFORWARD_CACHE`, or else `pushforward` in the user's folder for
            caches: `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows `%LOCALAPPDATA%`.
        max_size: the most bytes to keep.

    Returns:
        The folder in which JAX keeps programs, or None if it keeps none: because the cache is switched off, or because
        the folder cannot be written to or belongs to someone else, of which a `directory` is warned.
    """
    max_size = require_count("max_size", max_size)
    asked = os.environ.get(VARIABLE)
    if not jax.config.values["jax_enable_compilation_cache"]:
        return None
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return Path(jax.config.values["jax_compilation_cache_dir"])
    if asked is not None and asked.strip().lower() in OFF:
        return None
    try:
        base = Path(directory or asked or _default()).expanduser().absolute()
        folder = base / f"{PREFIX}{_kind_of_machine()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_own(folder)
        tidy(folder)
    except (OSError, RuntimeError, NotImplementedError) as error:
        if directory is not None:
            warnings.warn(f"Compiled programs are not kept: {error}. Name another `directory`.", stacklevel=2)
        return None
    _remove_old(base, folder)
    _configure(folder, max_size)
    return folder


def _configure(folder: Path, max_size: int) -> None:
    # What is compiled by the end is listed then, so that a program which is damaged later is known.
    atexit.register(_tidy_at_exit, folder)
    jax.config.update("jax_compilation_cache_max_size", max_size)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", LEAST_SECONDS)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    jax.config.update("jax_compilation_cache_dir", str(folder))


def tidy(folder: Path) -> None:
    """Remove what a killed process left in a folder of JAX's cache, and programs that have changed since they were
    listed.

    JAX writes a program, `NAME-cache`, and after it the time of its use, `NAME-atime`. One without the other is a part
    of a program, which JAX would read with a warning in every process, and never replace.

    Raises:
        OSError: if the folder cannot be written to, or files on it cannot be locked.
    """
    try:
        lock = filelock.FileLock(folder / ".lockfile")
        with lock.acquire(timeout=2):
            listed, found = _listed(folder), {}
            for program in folder.glob("*-cache"):
                used = program.with_name(program.name.removesuffix("-cache") + "-atime")
                stat = program.stat()
                now = [stat.st_size, stat.st_mtime_ns]
                if stat.st_size and used.exists() and listed.get(program.name, now) == now:
                    found[program.name] = now
                else:
                    program.unlink()
                    used.unlink(missing_ok=True)
            for used in folder.glob("*-atime"):
                if used.name.removesuffix("-atime") + "-cache" not in found:
                    used.unlink()
            new = folder / f".{LIST}.{os.getpid()}"
            new.write_text(json.dumps(found))
            new.replace(folder / LIST)
    except filelock.Timeout:
        # Another process has opened the folder just now: it does the same.
        return


def _tidy_at_exit(folder: Path) -> None:
    try:
        tidy(folder)
    except OSError:
        # The folder is gone, or full: the next process looks after it.
        return


def _listed(folder: Path) -> dict[str, list[int]]:
    """Return size and time of the programs that were whole when a process last looked."""
    try:
        listed = json.loads((folder / LIST).read_text())
    except (OSError, ValueError):
        return {}
    return listed if isinstance(listed, dict) else {}


def _remove_old(base: Path, folder: Path) -> None:
    """Remove the folders of versions and machines that are gone."""
    for other in base.glob(f"{PREFIX}*"):
        try:
            if other != folder and (other / LIST).stat().st_mtime < time.time() - KEPT_DAYS * 86400:
                shutil.rmtree(other, ignore_errors=True)
        except OSError:
            continue


def _default() -> Path:
    """Return the folder of this package in the user's folder for caches."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "pushforward" / "cache"
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):
        return Path(chosen) / "pushforward"
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "pushforward"


def _kind_of_machine() -> str:
    """Return versions, and a digest of the processor and the number of its cores, for which XLA makes machine code."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    what = f"{platform.system()} {platform.machine()} {cores} {_processor()}"
    # Python's version counts because JAX compresses programs by what Python has, and does not note by what.
    return (
        f"jax{jax.__version__}-jaxlib{jaxlib_version}-python{python}-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    )


def _processor() -> str:
    """Return the model and the instructions of the processor; where they are not known, the name of the machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.processor()} {platform.node()}"
    told = ("model name", "flags", "features", "cpu part", "isa", "cpu")
    return "\n".join(line for line in lines if line.partition(":")[0].strip().lower() in told)


def _require_own(folder: Path) -> None:
    """Raise unless this user alone may write to a folder: whoever can could have this process run their code."""
    if hasattr(os, "getuid"):
        stat = folder.stat()
        if stat.st_uid != os.getuid() or stat.st_mode & 0o022:
            raise PermissionError(f"others may write to {folder}")
