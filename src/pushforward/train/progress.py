"""The progress bar of a fit."""

import contextlib
import os
import sys
from collections.abc import Iterator

from tqdm import tqdm


@contextlib.contextmanager
def progress_bar(total: int, enabled: bool | None) -> Iterator[tqdm]:
    """Show a bar over epochs, at once, so that it stands while the first epoch compiles.

    Arguments:
        total: number of epochs.
        enabled: None shows it iff standard error is a terminal.
    """
    enabled = sys.stderr.isatty() if enabled is None else enabled
    with tqdm(total=total, desc="fit", unit="epoch", disable=not enabled, **_size()) as bar:
        bar.set_postfix_str("compiling")
        yield bar


def _size() -> dict[str, int]:
    """Return a usual size for a terminal that says it has no lines or columns, where tqdm would draw nothing."""
    with contextlib.suppress(OSError, ValueError):  # standard error may be no terminal, or no file at all
        if 0 in os.get_terminal_size(sys.stderr.fileno()):
            return {"ncols": 80, "nrows": 24}
    return {}


def show_epoch(bar: tqdm, history: dict[str, list[float]], best_epoch: int, epochs: int = 1) -> None:
    """Advance the bar by some epochs; show the last losses, and which epoch (from one) was best so far."""
    losses = {name: f"{values[-1]:.4f}" for name, values in history.items()}
    bar.set_postfix({**losses, "best": best_epoch + 1}, refresh=False)
    bar.update(epochs)
