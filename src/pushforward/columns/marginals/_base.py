"""The contract of the marginal distribution of one column."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias, final

import numpy as np
from jaxtyping import Float

from ..._errors import bad
from ...supports import AbstractSupport
from ..heads._base import AbstractHead

#: Values of a column; NaN where a cell is missing.
Values: TypeAlias = Float[np.ndarray, " rows"]
#: For each value its lowest and highest score and log d score / d value, float64; NaN where a cell is missing.
HostCells: TypeAlias = Float[np.ndarray, "rows 3"]


@final
@dataclass(frozen=True)
class Observed:
    """The observed values of a column, and what is known of them.

    Attributes:
        values: finite numbers in the support, at least one.
        weights: of the values, positive, of mean one.
        atoms: values that have a probability of their own, whatever the support says.
    """

    values: Values
    weights: Values
    atoms: tuple[float, ...] = ()


class AbstractMarginal(ABC):
    """The marginal distribution of a column: an increasing map from its values to scores, in double precision.

    Values with a probability become intervals of scores, others points: see `AbstractHead`, whose density it completes.
    Subclasses are frozen dataclasses of numbers and tuples, which JSON holds.
    """

    @classmethod
    @abstractmethod
    def suits(cls, support: AbstractSupport) -> bool:
        """Whether this is the kind of marginal for columns of a support."""

    @classmethod
    @abstractmethod
    def of(cls, support: AbstractSupport, observed: Observed) -> "AbstractMarginal":
        """Return the marginal of a column, estimated from its values."""

    @property
    @abstractmethod
    def level_shares(self) -> tuple[float, ...] | None:
        """The shares of levels without an order, whose scores are 0, 1, ...; None for numbers."""

    @property
    @abstractmethod
    def lowest(self) -> float | None:
        """The lower end of the support; None for minus infinity."""

    @property
    @abstractmethod
    def is_whole(self) -> bool:
        """Whether values are whole numbers."""

    @abstractmethod
    def ranks(self, scores: Values) -> Values:
        """Return the share of values with scores up to these; of levels, with numbers up to these."""

    @abstractmethod
    def scores_at(self, ranks: Values) -> Values:
        """Return the scores that have such shares below them: the inverse of `ranks`."""

    @abstractmethod
    def apart(self, a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "n m"]:
        """Return the distance of each cell to each other one, from 0 to 1; NaN where one is missing."""

    @abstractmethod
    def head(self) -> AbstractHead:
        """Return the head for the scores."""

    @abstractmethod
    def cells(self, values: Values) -> HostCells:
        """Return the cells of values; outside the support the logarithm is -inf."""

    @abstractmethod
    def log_prob(self, cells: HostCells) -> Values:
        """Return the log-probability, or log-density, of cells under the marginal distribution; NaN where missing."""

    @abstractmethod
    def values(self, scores: Values) -> Values:
        """Return the values that hold scores; NaN where a score is NaN."""

    def to_json(self) -> dict[str, Any]:
        """Return the content as JSON types, which `marginal_from_json` reads."""
        # Dataclasses have a protocol of their own, which the contract does not name.
        return {"marginal": type(self).__name__, **asdict(self)}  # pyright: ignore[reportCallIssue, reportArgumentType]


def marginal_of(support: AbstractSupport, observed: Observed) -> AbstractMarginal:
    """Return the marginal of a column of a support.

    Raises:
        ValueError: if there is no kind of marginal for the support.
    """
    for kind in AbstractMarginal.__subclasses__():
        if kind.suits(support):
            return kind.of(support, observed)
    raise bad("support", "that of a number, a category or an angle", f"`{type(support).__name__}`")


def marginal_from_json(content: Mapping[str, Any]) -> AbstractMarginal:
    """Return the marginal that `to_json` wrote."""
    for kind in AbstractMarginal.__subclasses__():
        if kind.__name__ == content.get("marginal"):
            made: Any = kind
            return made(**{k: _tuples(v) for k, v in content.items() if k != "marginal"})
    raise bad("model", "of marginals that this version knows", content.get("marginal"))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
