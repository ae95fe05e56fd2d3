"""The contract of a model of named data: what a command, a report or a server asks of it, whatever the data."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar, cast, final, runtime_checkable

import numpy as np

from .._architectures import Data
from ..distributions import Pushforward
from ..io import save
from .record import Architecture, Lines, Record, Score

Path: TypeAlias = str | PathLike[str]


@runtime_checkable
class Rows(Protocol):
    """What models are fitted to: rows of a table, images."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def report(self) -> str:
        """Say in one sentence what there is."""
        ...


D = TypeVar("D", bound=Rows)


@final
@dataclass(frozen=True)
class Evaluation:
    """What a model scores.

    Attributes:
        scores: means with their standard errors, by the name of what was judged.
        judged: says which rows were judged.
        text: the scores in words.
    """

    scores: dict[str, Score]
    judged: str
    text: str


class AbstractModel(ABC, Generic[D]):
    """A flow, what its variables are called and mean, and the record of its fit.

    A kind of model is one class: it is found by `kind_of` for its data and by `load` for its files, and the commands
    of the command line call the methods below. Arguments of a method beyond those stated here are options of that
    kind; an option on the command line is the argument of the same name.

    Attributes:
        architectures: the folder of `pushforward.flows` with the architectures of this kind.
        default: the architecture that is fitted unless another is asked for.
        of: what the data are called, such as "a table".
        rows: what the rows are called at the head of a line, such as "Rows".
        flow: the density.
        architecture: of what it was built; None if that is not known.
        record: of the fit; None without one.
    """

    architectures: ClassVar[Data]
    default: ClassVar[str]
    of: ClassVar[str]
    rows: ClassVar[str]
    flow: Pushforward
    architecture: Architecture | None
    record: Record | None

    @classmethod
    @abstractmethod
    def holds(cls, path: Path) -> bool:
        """Whether `path` holds data of this kind, as far as can be told without reading it."""

    @classmethod
    @abstractmethod
    def restore(cls, flow: Any, metadata: Mapping[str, Any]) -> "AbstractModel[D] | None":
        """Return the model of what a file holds, None if that is no model of this kind.

        Raises:
            ValueError: if it is one, but the metadata do not go with the flow.
        """

    @classmethod
    @abstractmethod
    def read_new(cls, path: Path) -> D:
        """Read data that a model is to be fitted to."""

    @classmethod
    @abstractmethod
    def build(cls, data: D, *, seed: int = 0, flow: str | None = None) -> "AbstractModel[D]":
        """Return a model of such data that is not fitted yet, and warn of what is unusual about them.

        Arguments:
            data: gives names and sizes.
            seed: decides the initial weights.
            flow: the architecture by name; `default` by default.
        """

    @abstractmethod
    def split(self, data: D, test_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of the rows to fit and of those held out, in order; see `held_out_rows`."""

    @abstractmethod
    def fit(
        self, data: D, *, seed: int = 0, test_fraction: float = 0.1, source: str = "", **options: Any
    ) -> "AbstractModel[D]":
        """Return the model fitted to the rows that are not held out, with the record of the fit.

        Arguments:
            data: as `build` received them.
            seed: decides which rows are held out, and the fit.
            test_fraction: the share that is held out.
            source: the name of the data, for the record.
            options: arguments of `pushforward.fit`.
        """

    @abstractmethod
    def read(self, path: Path) -> D:
        """Read data like those of the fit, to judge the model by.

        Raises:
            ValueError: if `path` holds others.
        """

    @abstractmethod
    def evaluate(self, data: D) -> Evaluation:
        """Judge the model by the held-out rows, if these are the data of the fit, and else by what the kind allows."""

    @abstractmethod
    def sample_to(self, output: Path, n: int, seed: int) -> str:
        """Draw n rows, write them to a file, and say so in a sentence."""

    @abstractmethod
    def score_to(self, data: Path, output: Path) -> str:
        """Read data, write them with their log-densities to a file, and say so in a sentence."""

    @abstractmethod
    def headline(self) -> str:
        """Say what the variables are, before a fit; empty if there is nothing to say."""

    @abstractmethod
    def describe(self) -> Lines:
        """Return what is known of the model: pairs of a name and what is to be said under it."""

    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """Return what is saved beside the flow, and what `restore` reads."""

    def with_scores(self, scores: dict[str, Score]) -> "AbstractModel[D]":
        """Return the model with the scores of an evaluation in its record, if it has one."""
        if self.record is None:
            return self
        # Each kind of model is a dataclass, of which the type checker hears in the subclass.
        return replace(cast(Any, self), record=replace(self.record, held_out=scores))

    def save(self, path: Path) -> None:
        """Save flow, names and record to one file, which `load` reads.

        Raises:
            OSError: if the file cannot be written.
        """
        save(path, self.flow, self.metadata())
