"""The contract of a model of named data, which commands, reports and servers use for every kind of data."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path as FilePath
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar, cast, final, runtime_checkable

import numpy as np

from .._architectures import Data
from ..data import holds_images
from ..distributions import Mixture, Pushforward
from ..io import save
from .record import Architecture, Lines, Record, Score

Path: TypeAlias = str | PathLike[str]
#: What `pushforward.fit` returns: a flow, or an equal mixture of several.
Flow: TypeAlias = Pushforward | Mixture


@runtime_checkable
class Rows(Protocol):
    """Data for a model: rows of a table, or images."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def report(self) -> str:
        """Return one sentence that describes the data."""
        ...


D = TypeVar("D", bound=Rows)


@final
@dataclass(frozen=True)
class Evaluation:
    """The scores of a model.

    Attributes:
        scores: means with their standard errors, by the name of the density or figure.
        judged: says which rows were judged.
        text: the scores in words.
        titles: the names in words.
    """

    scores: dict[str, Score]
    judged: str
    text: str
    titles: dict[str, str]


class AbstractModel(ABC, Generic[D]):
    """A flow, the names and roles of its variables, and the record of its fit.

    Each kind of model is one class: `kind_of` finds it for its data, `load` finds it for its files, and the commands
    of the command line call the methods below. If a subclass adds arguments to a method, they are options of that kind
    of model; an option on the command line has the name of the argument.

    Attributes:
        architectures: the folder of `pushforward.flows` with the architectures of this kind.
        default: name of the default architecture.
        of: name of the data, such as "a table".
        rows: name of the rows at the head of a line, such as "Rows".
        flow: the density.
        architecture: the architecture of the flow; None if it is not known.
        record: record of the fit; None if there is none.
    """

    architectures: ClassVar[Data]
    default: ClassVar[str]
    of: ClassVar[str]
    rows: ClassVar[str]
    flow: Any
    architecture: Architecture | None
    record: Record | None

    @classmethod
    @abstractmethod
    def holds(cls, path: Path, flow: str | None = None) -> bool:
        """Whether `path` holds data of this kind, and this kind has the architecture `flow`, if one is asked for.

        As far as this is known without reading the data.
        """

    @classmethod
    @abstractmethod
    def restore(cls, flow: Any, metadata: Mapping[str, Any]) -> "AbstractModel[D] | None":
        """Return the model from the content of a file, None if it is not a model of this kind.

        Raises:
            ValueError: if it is a model of this kind, but the metadata do not fit the flow.
        """

    @classmethod
    @abstractmethod
    def read_new(cls, path: Path) -> D:
        """Read data to fit a model to."""

    @classmethod
    @abstractmethod
    def build(cls, data: D, *, seed: int = 0, flow: str | None = None) -> "AbstractModel[D]":
        """Return a model for the data that is not fitted yet, and warn of unusual data.

        Arguments:
            data: gives names and sizes.
            seed: decides the initial weights.
            flow: the architecture by name; `default` by default.
        """

    @abstractmethod
    def split(self, data: D, test_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the rows to fit and of the held-out rows, in order; see `held_out_rows`."""

    @abstractmethod
    def fit(
        self, data: D, *, seed: int = 0, test_fraction: float = 0.1, source: str = "", **options: Any
    ) -> "AbstractModel[D]":
        """Return the model fitted to the rows that are not held out, with the record of the fit.

        Arguments:
            data: the data given to `build`.
            seed: decides which rows are held out, and the fit.
            test_fraction: the share of the rows to hold out.
            source: the name of the data, for the record.
            options: arguments of `pushforward.fit`.
        """

    @abstractmethod
    def read(self, path: Path) -> D:
        """Read data like the data of the fit, to evaluate the model on.

        Raises:
            ValueError: if `path` holds data of another kind.
        """

    @abstractmethod
    def evaluate(self, data: D) -> Evaluation:
        """Score the model on the held-out rows of the data of the fit, or, for other data, as its kind allows."""

    @abstractmethod
    def sample_to(self, output: Path, n: int, seed: int) -> str:
        """Draw n rows, write them to a file, and return a sentence that says so."""

    @abstractmethod
    def score_to(self, data: Path, output: Path) -> str:
        """Read data, write them with their log-densities to a file, and return a sentence that says so."""

    @abstractmethod
    def headline(self) -> str:
        """Return a line about the variables, shown before a fit; may be empty."""

    @abstractmethod
    def describe(self) -> Lines:
        """Return a description of the model: pairs of a name and its text."""

    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """Return the metadata that are saved with the flow and read by `restore`."""

    def with_scores(self, scores: dict[str, Score]) -> "AbstractModel[D]":
        """Return the model with the scores of an evaluation in its record, if it has one."""
        if self.record is None:
            return self
        # Each kind of model is a dataclass; the type checker only knows it of the subclass.
        return replace(cast(Any, self), record=replace(self.record, held_out=scores))

    def save(self, path: Path) -> None:
        """Save flow, names and record to one file, which `load` reads.

        Raises:
            OSError: if the file cannot be written.
        """
        save(path, self.flow, self.metadata())


def is_table(path: Path) -> bool:
    """Whether `path` is a file without images, or the name of a file; one that has no ending is taken for a folder."""
    path = FilePath(path)
    return not holds_images(path) and (path.exists() or bool(path.suffix))
