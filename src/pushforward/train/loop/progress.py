"""The progress bar of a fit."""

import contextlib
import math
import os
import sys
from collections.abc import Iterator

from tqdm import tqdm


@contextlib.contextmanager
def progress_bar(total: int, enabled: bool | None) -> Iterator[tqdm]:
    """Show a bar over epochs at once, so that the user sees it while the first epoch compiles.

    Arguments:
        total: number of epochs.
        enabled: None shows it iff standard error is a terminal.
    """
    enabled = sys.stderr.isatty() if enabled is None else enabled
    columns, lines = _size()
    with tqdm(total=total, desc="fit", unit="epoch", disable=not enabled, ncols=columns, nrows=lines) as bar:
        bar.set_postfix_str("compiling")
        yield bar


def _size() -> tuple[int | None, int | None]:
    """Return 80 columns, 24 lines for a terminal that reports no size, where tqdm would draw no bar; else None."""
    with contextlib.suppress(OSError, ValueError):  # standard error may not be a terminal, or not even a file
        if 0 in os.get_terminal_size(sys.stderr.fileno()):
            return 80, 24
    return None, None


def show_epoch(
    bar: tqdm, history: dict[str, list[float]], best_epoch: int, epochs: int = 1, bits: int | None = None
) -> None:
    """Advance the bar by some epochs; show the last losses, and the best epoch so far, counted from one.

    Arguments:
        bar: the bar.
        history: the losses of each epoch, in nats.
        best_epoch: the best epoch, from zero.
        epochs: number of epochs to advance by.
        bits: the number of dimensions of an event, to show bits per dimension; None for nats.
    """
    unit, per = ("", 1.0) if bits is None else (" bits/dim", bits * math.log(2))
    losses = {f"{name}{unit}": f"{values[-1] / per:.4f}" for name, values in history.items()}
    bar.set_postfix({**losses, "best": best_epoch + 1}, refresh=False)
    bar.update(epochs)
