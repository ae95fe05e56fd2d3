"""The progress bar, on terminals of several kinds."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

SCRIPT = "from pushforward.train.loop.progress import progress_bar\nwith progress_bar(5, {}): pass"


def shown(enabled: object, columns: int | None) -> bytes:
    """Return what a new process writes to its standard error: a terminal, or a pipe for None."""
    command = [sys.executable, "-c", SCRIPT.format(enabled)]
    if columns is None:
        return subprocess.run(command, capture_output=True, check=True).stderr
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", min(columns, 24), columns, 0, 0))
    try:
        subprocess.run(command, stderr=terminal, check=True)
        os.close(terminal)
        return os.read(main, 1 << 16)
    except OSError:  # nothing was written, and nobody is left who could
        return b""
    finally:
        os.close(main)


@pytest.mark.parametrize(("enabled", "columns"), [(None, 80), (None, 0), (True, 0), (True, None)])
def test_the_bar_stands_from_the_start(enabled: object, columns: int | None):
    bar = shown(enabled, columns)
    assert b"0/5" in bar
    assert b"compiling" in bar


@pytest.mark.parametrize(("enabled", "columns"), [(None, None), (False, 80)])
def test_no_bar_where_nobody_looks(enabled: object, columns: int | None):
    assert b"0/5" not in shown(enabled, columns)
