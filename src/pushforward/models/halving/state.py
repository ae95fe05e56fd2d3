"""The state of a search: what was tried, kept in a directory so that a killed search goes on."""

import json
import shutil
from pathlib import Path
from typing import Any, final

import numpy as np

from ..._errors import bad, require
from ...io.atomic import write_atomically
from .trial import Trial

#: The version of what the directory holds.
FORMAT = 1
#: The file that says what was tried, written last after each fit.
FILE = "search.json"


@final
class State:
    """What a search has tried so far, in memory, and in a directory if there is one.

    The directory holds `search.json`, the log-density of each held-out row under each trial, and the state of the fit
    in progress.

    Arguments:
        path: the directory, made if it does not exist, or None.
        fingerprint: everything that decides the search, name by name; a state of another fingerprint is refused.

    Raises:
        ValueError: if the directory holds other files, or the state of another search.
    """

    def __init__(self, path: str | Path | None, fingerprint: dict[str, str]):
        self._path = None if path is None else Path(path).absolute()
        self._fingerprint = fingerprint
        self._trials: dict[tuple[int, int], Trial] = {}
        self._values: dict[tuple[int, int], np.ndarray] = {}
        self._last: dict[str, Any] = {}
        self.seconds = 0.0
        if self._path is not None:
            self._open(self._path)

    @property
    def trials(self) -> dict[tuple[int, int], Trial]:
        """The trials so far, by rung and place of the candidate."""
        return dict(self._trials)

    def values(self, rung: int, index: int) -> np.ndarray:
        """Return the log-density of each held-out row under a trial."""
        return self._values[rung, index]

    def add(self, rung: int, index: int, trial: Trial, values: np.ndarray | None, seconds: float) -> None:
        """Keep a trial that has ended; `seconds` is the duration of the search so far."""
        self._trials[rung, index] = trial
        if values is not None:
            self._values[rung, index] = values
            if self._path is not None:
                write_atomically(self._path / f"{rung}-{index}.values", values.astype("<f8").tobytes())
        self.seconds = seconds
        self._write()
        place = self.fit_place(rung, index)
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)

    def decide_last(self, index: int, epochs: int | None) -> int | None:
        """Return the length of the last fit of a candidate as it was first decided, so that a resumed one is equal."""
        if str(index) not in self._last:
            self._last[str(index)] = epochs
            self._write()
        return self._last[str(index)]

    def fit_place(self, rung: int, index: int) -> Path | None:
        """Return the directory for the state of a fit; None without a directory."""
        return None if self._path is None else self._path / f"{rung}-{index}.fit"

    def last_place(self, index: int) -> Path | None:
        """Return the directory for the state of the last fit; None without a directory."""
        return None if self._path is None else self._path / f"last-{index}.fit"

    def _open(self, path: Path) -> None:
        require(not path.exists() or path.is_dir(), "checkpoint", "a directory", f"`{path}`")
        path.mkdir(parents=True, exist_ok=True)
        if (path / FILE).exists():
            self._read(path)
            return
        foreign = [entry.name for entry in path.iterdir() if not entry.name.startswith(".pushforward-")]
        if foreign:
            value = f"`{path}`, which holds {foreign[0]!r}"
            raise bad("checkpoint", "an empty directory or one of a search", value, "Choose another directory.")
        self._write()

    def _read(self, path: Path) -> None:
        content = json.loads((path / FILE).read_text())
        given = content.get("fingerprint", {})
        names = [name for name, value in self._fingerprint.items() if given.get(name) != value]
        if content.get("format") != FORMAT or names:
            raise bad(
                "checkpoint",
                "empty or of this same search",
                f"`{path}`, of a search that differs in {', '.join(names) or 'its file format'}",
                "Repeat the call unchanged to resume it, or choose another directory.",
            )
        self.seconds, self._last = float(content["seconds"]), dict(content["last"])
        for entry in content["trials"]:
            at, trial = (int(entry["rung"]), int(entry["index"])), Trial.from_json(entry["trial"])
            self._trials[at] = trial
            if trial.mean is not None:
                self._values[at] = np.frombuffer((path / f"{at[0]}-{at[1]}.values").read_bytes(), "<f8")

    def _write(self) -> None:
        if self._path is None:
            return
        trials = [
            {"rung": rung, "index": index, "trial": trial.to_json()} for (rung, index), trial in self._trials.items()
        ]
        content = {"format": FORMAT, "fingerprint": self._fingerprint, "seconds": self.seconds, "last": self._last}
        write_atomically(self._path / FILE, json.dumps({**content, "trials": trials}, indent=1).encode())
