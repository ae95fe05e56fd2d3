"""One file per way to learn a density: `fit(x, condition, seed)` returns the log-density of fresh rows."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable

import numpy as np

#: From rows and their conditions, or None, to log-densities in nats, float64.
LogProb = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
#: From rows for training, their conditions or None, and a seed.
Fit = Callable[[np.ndarray, np.ndarray | None, int], LogProb]

#: Every public module here; those of a library's own name end on an underscore.
LIBRARIES = sorted(
    (m.name.rstrip("_") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")),
    key=lambda name: (name != "pushforward", name),
)


def load(library: str) -> Fit:
    """Import a library's `fit`; `pushforward:NAME` is pushforward with the variant NAME."""
    name, _, variant = library.partition(":")
    own = importlib.util.find_spec(f".{name}_", __name__) is not None
    module = importlib.import_module(f".{name}_" if own else f".{name}", __name__)
    return module.with_variant(variant) if variant else module.fit
