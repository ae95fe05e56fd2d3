"""Write a file all at once or not at all."""

import contextlib
import os
import secrets
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the file at `path` by `data`; an interruption leaves the former file intact.

    Raises:
        OSError: if the file cannot be written; the message says why in one sentence.
    """
    # A link is followed, so that the file it points to is replaced and not the link.
    target = Path(os.path.realpath(path))
    part = target.parent / f".pushforward-{secrets.token_hex(8)}.part"
    try:
        if target.exists() and not target.is_file():
            raise IsADirectoryError("it is a directory" if target.is_dir() else "it is not a regular file")
        _write(part, data)
        os.replace(part, target)
        _sync_directory(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise type(error)(f"`{os.fspath(path)}` cannot be written: {reason[0].lower()}{reason[1:]}.") from error
        raise


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    # Without this a power cut may undo the renaming. Windows cannot open a directory.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
