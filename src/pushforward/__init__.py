"""Normalizing flows: densities that are evaluated exactly and sampled exactly.

    import pushforward as pf

A density is a base distribution pushed forward through an invertible map, log p(x) = log p(z) - log|det df/dz|.
`pf.flows` builds the architectures. `pf.fit` fits a flow to data, `pf.fit_density` to a density known up to a constant,
and `pf.fit_source` to the distribution of parameters that nobody observed. `pf.search` chooses among architectures.
`pf.save` and `pf.load` store a flow, `pf.plot` draws it. `pf.cache_programs` keeps compiled programs for the next
process.

Everything is imported when it is first used, so that `import pushforward` and `pushforward --help` cost next to
nothing, and a script without plots needs no Matplotlib.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from . import adapt as adapt
    from . import bijections as bijections
    from . import columns as columns
    from . import data as data
    from . import distributions as distributions
    from . import evaluate as evaluate
    from . import flows as flows
    from . import io as io
    from . import models as models
    from . import networks as networks
    from . import numerics as numerics
    from . import numpyro as numpyro
    from . import plot as plot
    from . import report as report
    from . import supports as supports
    from . import train as train
    from . import univariate as univariate
    from .distributions import Pushforward as Pushforward
    from .io import load as load
    from .io import save as save
    from .models.halving.search import SearchResult as SearchResult
    from .models.halving.search import search as search
    from .models.tables.model import TableModel as TableModel
    from .parallel import cache_programs as cache_programs
    from .train import FitResult as FitResult
    from .train import fit as fit
    from .train import fit_density as fit_density
    from .train import fit_source as fit_source

_FLOORS = (
    *("adapt", "bijections", "columns", "data", "distributions", "evaluate", "flows", "io", "models"),
    *("networks", "numerics", "numpyro", "plot", "report", "supports", "train", "univariate"),
)
_FROM = {
    "Pushforward": "distributions",
    "load": "io",
    "save": "io",
    "TableModel": "models.tables.model",
    "cache_programs": "parallel",
    "SearchResult": "models.halving.search",
    "search": "models.halving.search",
    "FitResult": "train",
    "fit": "train",
    "fit_density": "train",
    "fit_source": "train",
}


def __getattr__(name: str) -> _Any:
    """Import a subpackage, or a name from its subpackage, when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        globals()[name] = version(__name__)
        return globals()[name]
    if name in _FLOORS:
        return _import_module(f".{name}", __name__)
    if name in _FROM:
        globals()[name] = value = getattr(_import_module(f".{_FROM[name]}", __name__), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, whether imported yet or not."""
    return sorted({*_FLOORS, *_FROM, "__doc__", "__file__", "__name__", "__path__", "__version__"})
