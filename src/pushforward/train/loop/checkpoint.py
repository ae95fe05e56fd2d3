"""The state of a fit on disk, so that a killed fit can resume as if it had not been interrupted."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ..._errors import bad, require

FORMAT = 1


@final
class Checkpoint:
    """A directory that holds the state after the newest epochs.

    Orbax writes a state under a temporary name and renames it, so that a state cut short is never taken for whole. The
    arrays of one dtype are stored as one long array, which is faster than a file for each.

    Arguments:
        path: the directory; made if it does not exist.
        fingerprint: everything that decides the fit, name by name; a state of another fingerprint is refused.

    Raises:
        ValueError: if the directory holds other files, or the states of another fit.
    """

    def __init__(self, path: str | Path, fingerprint: dict[str, str]):
        import orbax.checkpoint as ocp

        self._path = Path(path).absolute()
        self._fingerprint = fingerprint
        _check_directory(self._path)
        self._ocp = ocp
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(self._path, options=options)
        self._saved = self._read()

    @property
    def is_empty(self) -> bool:
        """Whether there is no state to resume from."""
        return self._saved is None

    def restore(self, like: PyTree) -> tuple[PyTree, dict[str, Any]] | None:
        """Return the newest whole state, in the structure of `like`, and its record; None if there is no state."""
        if self._saved is None:
            return None
        arrays = self._saved["arrays"]
        leaves, structure = jax.tree.flatten(like)
        restored = []
        starts = dict.fromkeys(arrays, 0)
        for leaf in leaves:
            name = str(leaf.dtype)
            part = arrays[name][starts[name] : starts[name] + leaf.size] if leaf.size else np.zeros(0, leaf.dtype)
            starts[name] = starts.get(name, 0) + leaf.size
            restored.append(jnp.array(part.reshape(leaf.shape), dtype=leaf.dtype))
        return jax.tree.unflatten(structure, restored), self._saved["record"]

    def save(self, epoch: int, state: PyTree, record: dict[str, Any]) -> None:
        """Store the state after `epoch` epochs; remove all older states but the last."""
        groups: dict[str, list[np.ndarray]] = {}
        for leaf in jax.tree.leaves(state):
            if leaf.size:
                groups.setdefault(str(leaf.dtype), []).append(np.asarray(leaf).ravel())
        arrays = {name: np.concatenate(parts) for name, parts in groups.items()}
        about = {"format": FORMAT, "fingerprint": self._fingerprint, "record": record}
        items = self._ocp.args.Composite(
            arrays=self._ocp.args.StandardSave(arrays), about=self._ocp.args.JsonSave(about)
        )
        self._manager.save(epoch, args=items)
        self._saved = {"arrays": arrays, "record": record}

    def close(self) -> None:
        """Release the directory."""
        self._manager.close()

    def _read(self) -> dict[str, Any] | None:
        epoch = self._manager.latest_step()
        if epoch is None:
            return None
        args = self._ocp.args
        about = self._manager.restore(epoch, args=args.Composite(about=args.JsonRestore()))["about"]
        given = about.get("fingerprint", {})
        # An older version that did not know a setting behaved as with None.
        names = [name for name, value in self._fingerprint.items() if given.get(name, repr(None)) != value]
        if about.get("format") != FORMAT or names:
            raise bad(
                "checkpoint",
                "empty or of this same fit",
                f"`{self._path}`, of a fit that differs in {', '.join(names) or 'its file format'}",
                "Repeat the call unchanged to resume it, or choose another directory.",
            )
        with _quiet():
            arrays = self._manager.restore(epoch, args=args.Composite(arrays=args.StandardRestore()))["arrays"]
        return {"arrays": {name: np.asarray(a) for name, a in arrays.items()}, "record": about["record"]}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warning of Orbax that devices are not described: the arrays come back to the host."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logger.setLevel(level)


def _check_directory(path: Path) -> None:
    require(not path.exists() or path.is_dir(), "checkpoint", "a directory", f"`{path}`")
    foreign = [p.name for p in path.iterdir() if not p.name.partition(".orbax")[0].isdigit()] if path.exists() else []
    if foreign:
        value = f"`{path}`, which holds {foreign[0]!r}"
        raise bad("checkpoint", "an empty directory or one of a fit", value, "Choose another directory.")
