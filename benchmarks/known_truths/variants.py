"""Settings of pushforward that are compared: `--libraries pushforward pushforward:decay pushforward:two_layers`.

A variant takes a key, rows and conditions, and returns a fitted distribution. `--settings FILE.py` adds those of the
file's own dictionary `VARIANTS`.
"""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import pushforward as pf
from pushforward.train.defaults import Length, defaults_for
from pushforward.train.loop.schedule import default_schedule

#: From a key, rows, and conditions or None.
Variant = Callable[[jax.Array, np.ndarray, np.ndarray | None], Any]


def fit(
    key: jax.Array,
    x: np.ndarray,
    condition: np.ndarray | None,
    flow: dict[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """Fit `pf.flows.nsf` with keywords of its own, by `pf.fit` with settings."""
    build, train = jax.random.split(key)
    start = pf.flows.nsf(build, x.shape[1], cond_dim=0 if condition is None else condition.shape[1], **(flow or {}))
    return pf.fit(train, start, x, condition, **settings).flow


def schedule(rows: int, peak: float | None = None) -> optax.Schedule:
    """Return the default schedule of a fit to that many rows, for optimizers that are not the default."""
    defaults = defaults_for((1,))
    per_epoch = Length(defaults.batch_size, None, 20, 0.1).steps_per_epoch(rows - rows // 10)
    return default_schedule(peak or defaults.learning_rate, defaults.epochs(per_epoch) * per_epoch)


def default(key: jax.Array, x: np.ndarray, condition: np.ndarray | None) -> Any:
    """Return what a user gets."""
    return fit(key, x, condition)


def decay(key: jax.Array, x: np.ndarray, condition: np.ndarray | None) -> Any:
    """Return a fit with weight decay of 0.3 times the learning rate."""
    return fit(key, x, condition, optimizer=optax.adamw(schedule(len(x)), weight_decay=0.3))


def two_layers(key: jax.Array, x: np.ndarray, condition: np.ndarray | None) -> Any:
    """Return a fit of two layers instead of five."""
    return fit(key, x, condition, flow={"layers": 2})


VARIANTS: dict[str, Variant] = {f.__name__: f for f in (default, decay, two_layers)}


def add(path: Path) -> None:
    """Add the variants of a file."""
    VARIANTS.update(runpy.run_path(str(path))["VARIANTS"])
