"""One file per library: `build(spec, compiled)` returns a `Model`."""

import importlib
import sys
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from ..spec import Spec


class Model(Protocol):
    """A flow with its optimizer, as its library's documentation builds and uses it; every call waits for its end.

    Attributes:
        parameters: how many numbers are trained.
    """

    parameters: int

    def see(self, x: np.ndarray) -> None:
        """Set what the flow carries of the data, if it carries any, before it is trained."""

    def place(self, x: np.ndarray, condition: np.ndarray | None) -> Any:
        """Return batches (number, batch, ...) as `train` takes them."""

    def train(self, placed: Any) -> float:
        """Take one Adam step per batch and return the last loss."""

    def array(self, a: np.ndarray | None) -> Any:
        """Return an array of the library's."""

    def log_prob(self, x: Any, condition: Any) -> Any:
        """Return the log-densities."""

    def sample(self, n: int, condition: Any) -> Any:
        """Return n draws, one per condition if there are any."""


def load(name: str, threads: int) -> str:
    """Import a library, let it use so many threads, and return the versions of it and what it is built on."""
    library = name.partition("+")[0]
    importlib.import_module(f".{library}_", __name__)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    built_on = "torch" if "torch" in sys.modules else "jax"
    return f"{library} {version(library)}, {built_on} {version(built_on)}"


def build(name: str, spec: Spec) -> Model:
    """Build the flow of `spec` with the library `name`, which ends on `+compile` for `torch.compile`."""
    library, _, option = name.partition("+")
    return importlib.import_module(f".{library}_", __name__).build(spec, option == "compile")
