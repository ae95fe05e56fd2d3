"""A fitted model together with the table columns, or the images, that it is about."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from .._errors import bad, require
from ..data import Table, read_table
from ..data.pictures.read_images import holds_images
from ..distributions import Pushforward
from ..io import load, read_metadata
from .image_model import ImageModel, open_images


@final
@dataclass(frozen=True)
class NamedModel:
    """A flow and the names of its variables.

    Attributes:
        flow: the density of `columns`, conditional on `given` if there are any.
        columns, given: names, in the order of the flow's event and condition.
        about: what `fit` noted in the file; {} for a model that `pushforward.save` wrote without.
    """

    flow: Pushforward
    columns: tuple[str, ...]
    given: tuple[str, ...]
    about: dict[str, Any]

    def read(self, path: Path) -> tuple[Table, np.ndarray, np.ndarray | None]:
        """Read this model's columns from a file; return the table, its events and its conditions."""
        self.require_table(path)
        table = read_table(path, columns=(*self.columns, *self.given))
        return table, *self.split(table)

    def require_table(self, path: Path) -> None:
        """Raise if `path` holds images."""
        remedy = f"This model is of the columns {', '.join(self.columns)}."
        require(not holds_images(path), "DATA", "a table", f"`images in {path}`", remedy)

    def split(self, table: Table) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the events and the conditions of a table."""
        return table.columns(self.columns), table.columns(self.given) if self.given else None


def name_epoch(best_epoch: int) -> str:
    """Say which epoch a fit kept, counted from one."""
    return f"epoch {best_epoch + 1}" if best_epoch >= 0 else "the start, a normal distribution"


def open_model(path: Path) -> NamedModel | ImageModel:
    """Load a model.

    Raises:
        ValueError: if the file is no flow on rows of a table or on images.
    """
    flow = load(path)
    about = read_metadata(path)
    if not isinstance(flow, Pushforward) or len(flow.shape) not in (1, 3) or len(flow.cond_shape or (0,)) != 1:
        raise bad("MODEL", "a flow on the rows of a table, or on images", f"`{type(flow).__name__}`")
    if len(flow.shape) == 3:
        return open_images(flow, about)
    columns = _names(about, "columns", "x", flow.shape)
    return NamedModel(flow, columns, _names(about, "given", "c", flow.cond_shape or (0,)), about)


def _names(about: dict[str, Any], key: str, letter: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names that were saved with a model, x0, x1, ... where there are none."""
    names = about.get(key, [f"{letter}{i}" for i in range(shape[0])])
    ok = isinstance(names, list) and len(names) == shape[0] and all(isinstance(name, str) for name in names)
    remedy = f'Save it with `pf.save(path, flow, {{"{key}": [...]}})`.'
    require(ok, "MODEL", f"saved with {shape[0]} names of {key}", names, remedy)
    return tuple(names)


def split_rows(n: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the rows to fit and of those held out: a share `fraction`, drawn by `seed`."""
    held_out = round(n * fraction)
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def fingerprint(names: Sequence[str], values: np.ndarray) -> str:
    """Return a number that data share only if their names and values are the same."""
    digest = hashlib.sha256("\0".join(names).encode())
    digest.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
