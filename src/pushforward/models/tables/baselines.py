"""Densities of mixed columns that a model must beat: independent columns, and a tree of pairs of columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from ...columns import AbstractMarginal
from .coding import RowCells

#: Bins of a column of numbers, and the most categories that are told apart.
BINS, MOST_LEVELS = 12, 32
#: Rows of each pair of bins beyond those observed.
BEYOND = 0.5


def independent(marginals: Sequence[AbstractMarginal], cells: RowCells) -> Float[np.ndarray, " rows"]:
    """Return the log-density of rows whose columns are independent; missing cells are left out."""
    each = [marginal.log_prob(cells[:, j]) for j, marginal in enumerate(marginals)]
    return np.nansum(np.stack(each, axis=1), axis=1)


@final
@dataclass(frozen=True)
class Tree:
    """A tree-shaped distribution of binned columns, with the marginal density within each bin.

        log p(x) = Σ_j log p(x_j) + Σ_{edges (i, j)} log p(b_i, b_j) / (p(b_i) p(b_j))

    Attributes:
        marginals: of the parts.
        tables: for each edge its two parts, and the logarithm of the ratio for each pair of bins.

    Reference:
        "Approximating Discrete Probability Distributions with Dependence Trees", Chow, Liu, 1968.
    """

    marginals: tuple[AbstractMarginal, ...]
    tables: tuple[tuple[int, int, Float[np.ndarray, "a b"]], ...]

    @staticmethod
    def of(marginals: Sequence[AbstractMarginal], cells: RowCells) -> "Tree":
        """Return the tree of the largest mutual information between its pairs, estimated from rows."""
        binned = [_bins(marginal, cells[:, j]) for j, marginal in enumerate(marginals)]
        count = len(binned)
        ratios = {(i, j): _ratio(binned[i], binned[j]) for i in range(count) for j in range(i)}
        edges, joined = [], {0}
        while len(joined) < count:
            inside = [(pair, at) for pair, at in ratios.items() if (pair[0] in joined) != (pair[1] in joined)]
            (i, j), (table, _) = max(inside, key=lambda found: found[1][1])
            edges.append((i, j, table))
            joined |= {i, j}
        return Tree(tuple(marginals), tuple(edges))

    def log_prob(self, cells: RowCells) -> Float[np.ndarray, " rows"]:
        """Return the log-density of rows; an edge with a missing cell is left out."""
        out = independent(self.marginals, cells)
        binned = [_bins(marginal, cells[:, j]) for j, marginal in enumerate(self.marginals)]
        for i, j, table in self.tables:
            both = (binned[i] >= 0) & (binned[j] >= 0)
            out = out + np.where(both, table[binned[i], binned[j]], 0.0)
        return out


def _bins(marginal: AbstractMarginal, cells: Float[np.ndarray, "rows 3"]) -> Int[np.ndarray, " rows"]:
    """Return the number of the bin of each cell, -1 where it is missing."""
    low, high = cells[:, 0], cells[:, 1]
    shares = marginal.level_shares
    if shares is not None:
        order = np.argsort(np.argsort(-np.asarray(shares), kind="stable"), kind="stable")
        number = np.minimum(order[np.nan_to_num(low).astype(int)], MOST_LEVELS - 1)
    else:
        u = 0.5 * (marginal.ranks(low) + marginal.ranks(high))
        number = np.clip(np.nan_to_num(u) * BINS, 0, BINS - 1).astype(int)
    return np.where(np.isnan(low), -1, number)


def _ratio(a: np.ndarray, b: np.ndarray) -> tuple[Float[np.ndarray, "a b"], float]:
    """Return log p(a, b) / (p(a) p(b)) for each pair of bins, and the mutual information."""
    both = (a >= 0) & (b >= 0)
    size = (a.max(initial=0) + 1, b.max(initial=0) + 1)
    # The table covers bins that only other rows have.
    full = (max(size[0], MOST_LEVELS), max(size[1], MOST_LEVELS))
    counts = np.zeros(full)
    np.add.at(counts, (a[both], b[both]), 1.0)
    independent_counts = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / max(counts.sum(), 1.0)
    # Shrunk towards independence, by as much as one row for each bin of a.
    pull = BEYOND * size[0]
    joint = (counts + pull * independent_counts / max(counts.sum(), 1.0)) / (counts.sum() + pull)
    alone = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.where(alone > 0, np.log(joint) - np.log(alone), 0.0)
    return log_ratio, float(np.sum(np.where(joint > 0, joint * log_ratio, 0.0)))
