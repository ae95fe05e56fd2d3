"""What a fit costs once and not for each epoch: the time in which JAX compiles, and the memory of what it compiled."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jax

#: The durations that JAX reports while it compiles: of tracing, lowering, and the compiler itself.
PREFIX = "/jax/core/compile/"
#: Under half the usual limit of memory maps of a Linux process, vm.max_map_count = 65530. Compiled functions take some
#: hundred for each candidate.
MANY_MAPS = 30_000


@cache
def _total() -> list[float]:
    """Return a list of one number, to which JAX from now on adds the seconds of each compilation."""
    total = [0.0]

    def add(event: str, duration_secs: float, **about: Any) -> None:
        if event.startswith(PREFIX):
            total[0] += duration_secs

    jax.monitoring.register_event_duration_secs_listener(add)
    return total


def stopwatch() -> Callable[[], float]:
    """Return a function that returns the seconds of compilation since."""
    before = _total()[0]
    return lambda: _total()[0] - before


def forget_if_many() -> None:
    """Forget all compiled functions before their memory maps reach the limit, at which the process would end."""
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()
