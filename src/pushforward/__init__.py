"""Normalizing flows: densities that are evaluated exactly and sampled exactly.

    import pushforward as pf

A density is a base distribution pushed forward through an invertible map, log p(x) = log p(z) - log|det df/dz|.
`pf.flows` builds the architectures, `pf.fit` learns one from data, `pf.save` and `pf.load` keep it, `pf.plot` draws it.
"""

import importlib
from typing import Any

from . import bijections as bijections
from . import conditioners as conditioners
from . import data as data
from . import distributions as distributions
from . import evaluate as evaluate
from . import flows as flows
from . import io as io
from . import numerics as numerics
from . import train as train
from . import univariate as univariate
from .distributions import Pushforward as Pushforward
from .io import load as load
from .io import save as save
from .train import FitResult as FitResult
from .train import fit as fit


def __getattr__(name: str) -> Any:
    """Import `pf.plot` when it is first used: it needs an optional dependency."""
    if name == "plot":
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
