"""The contract of the density of one column, whose parameters a network gives."""

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

#: A cell of a column, for each event: its lowest and highest score, which are equal where the value has a density and
#: not a probability, and the logarithm of d score / d value there (0 where it has a probability).
Cells = Float[Array, "3 n"]


class AbstractHead(eqx.Module):
    """A density of the *score* of one column, on the line, with a column of parameters for each event.

    A `Marginal` takes values to scores. A value with a probability of its own, such as a category, a count or an amount
    of exactly zero, is an interval of scores, and its probability is that of the interval; any other value is a point,
    and its density is that of the score times d score / d value. Parameters of zero give about the marginal
    distribution.

    Attributes:
        num_params: number of parameters.
        num_features: number of features of a cell.
    """

    num_params: eqx.AbstractVar[int]
    num_features: eqx.AbstractVar[int]

    @property
    @abstractmethod
    def ends(self) -> tuple[float, float]:
        """The scores between which all draws lie, as far as floating-point numbers tell."""

    @property
    @abstractmethod
    def family(self) -> Hashable:
        """Heads of one family have equal `features`, `log_prob` and `ends`: one program computes those of all."""

    @abstractmethod
    def alike(self, others: Sequence[Any]) -> list[Any]:
        """Return heads of this family, of which this may be one, with arrays of the same shapes."""

    @abstractmethod
    def features(self, cells: Cells) -> Float[Array, "f n"]:
        """Return finite features of cells, of order one, for a network."""

    @abstractmethod
    def log_prob(self, params: Float[Array, "p n"], cells: Cells) -> Float[Array, " n"]:
        """Return the log-probability of each cell, or its log-density per unit of the value."""

    @abstractmethod
    def draw(self, uniform: Float[Array, "2 n"], params: Float[Array, "p n"]) -> Float[Array, " n"]:
        """Return a draw of the score for each event, from two uniform random numbers in [0, 1)."""

    @abstractmethod
    def nodes(self, params: Float[Array, "p n"]) -> tuple[Float[Array, "k n"], Float[Array, "k n"]]:
        """Return scores s and weights w of each event: the mean of g(score) is about Σ_k w_k g(s_k)."""

    @abstractmethod
    def cdf(self, params: Float[Array, "p n"], score: Float[Array, " n"]) -> Float[Array, " n"]:
        """Return the probability of a score up to `score`."""

    @abstractmethod
    def cell(self, score: Float[Array, " n"]) -> Cells:
        """Return the cell that holds a score; the third row is zero."""
