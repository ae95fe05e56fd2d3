"""Shares of categories."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from ...supports import AbstractSupport, Categories
from ..heads.levels import Levels
from ._base import AbstractMarginal, HostCells, Observed, Values

#: Rows of each category beyond those observed, so that none is impossible.
BEYOND = 0.5


@final
@dataclass(frozen=True)
class LevelShares(AbstractMarginal):
    """The shares of categories 0, ..., K - 1; the score of a category is its number.

    Attributes:
        shares: positive; they sum to one.
    """

    shares: tuple[float, ...]

    @classmethod
    def suits(cls, support: AbstractSupport) -> bool:
        """Whether the support is that of a category."""
        return isinstance(support, Categories)

    @classmethod
    def of(cls, support: AbstractSupport, observed: Observed) -> "LevelShares":
        """Return the shares, with half a row more of each category."""
        count = support.count if isinstance(support, Categories) else 0
        sums = np.bincount(observed.values.astype(int), observed.weights, count) + BEYOND
        return LevelShares(tuple(sums / sums.sum()))

    @property
    def level_shares(self) -> tuple[float, ...]:
        """The shares."""
        return self.shares

    @property
    def lowest(self) -> float | None:
        """The lower end of the support."""
        return 0.0

    @property
    def is_whole(self) -> bool:
        """Whether values are whole numbers."""
        return True

    def ranks(self, scores: Values) -> Values:
        """Return the share of the levels with numbers up to a score."""
        up_to = np.concatenate([[0.0], np.cumsum(self.shares)])
        return up_to[np.clip(np.floor(scores) + 1, 0, len(self.shares)).astype(int)]

    def scores_at(self, ranks: Values) -> Values:
        """Return the first level up to which the share is as large."""
        return np.minimum(np.searchsorted(np.cumsum(self.shares), ranks - 1e-12), len(self.shares) - 1).astype(float)

    def apart(self, a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "n m"]:
        """Return one for different levels, and zero for equal ones."""
        return np.minimum(np.abs(a[:, 0][:, None] - b[:, 0]), 1)

    def head(self) -> Levels:
        """Return a softmax."""
        return Levels(np.log(self.shares))

    def cells(self, values: Values) -> HostCells:
        """Return the number of each category as both ends."""
        known = (values >= 0) & (values < len(self.shares)) & (values == np.floor(values))
        code = np.where(known, values, 0.0)
        cells = np.stack([code, code, np.where(known, 0.0, -np.inf)], axis=1)
        return np.where(np.isnan(values)[:, None], np.nan, cells)

    def log_prob(self, cells: HostCells) -> Values:
        """Return the log-probability of cells under the marginal distribution."""
        code = np.where(np.isnan(cells[:, 0]), 0, cells[:, 0]).astype(int)
        return np.where(np.isnan(cells[:, 0]), np.nan, np.log(self.shares)[code] + cells[:, 2])

    def values(self, scores: Values) -> Values:
        """Return the nearest number of a category."""
        return np.clip(np.ceil(scores - 1e-6), 0, len(self.shares) - 1)
