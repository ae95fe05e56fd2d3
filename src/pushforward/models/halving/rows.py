"""The rows of a search: those that every candidate is fitted to, and those that judge all of them."""

import warnings
from dataclasses import dataclass
from typing import Any, final

import jax
import numpy as np
from jaxtyping import Float

from ..._errors import require
from ...data import Table
from ...distributions import AbstractDistribution
from ...numerics.split import split_rows
from ...train.rows.rows import Rows
from ...train.rows.split import group_copies

#: Rows of which the log-density is computed at a time.
BLOCK_ROWS = 8192


@final
@dataclass(frozen=True)
class Judge:
    """Means over the held-out rows, with standard errors.

    Attributes:
        weights: shape (rows,), positive.
        clusters: a number for each row, the same for rows that depend on each other; None: all are independent.
    """

    weights: np.ndarray
    clusters: np.ndarray | None

    def mean(self, values: Float[np.ndarray, " rows"]) -> tuple[float, float | None]:
        """Return the weighted mean m of the values v and its standard error, None if there is a single cluster.

        se² = n / (n - 1) Σ_g (Σ_{i in g} w_i (v_i - m))² / (Σ_i w_i)²   over n clusters g of rows
        """
        mean = float(np.average(values, weights=self.weights))
        residuals = self.weights * (values - mean) / self.weights.sum()
        if self.clusters is not None:
            residuals = np.bincount(np.unique(self.clusters, return_inverse=True)[1], residuals)
        n = len(residuals)
        if n < 2:
            return mean, None
        return mean, float(np.sqrt(np.sum(residuals**2) * n / (n - 1)))


@final
@dataclass(frozen=True)
class SearchRows:
    """The rows of a search.

    Attributes:
        table: all rows.
        labels: a number for each row, the same for rows of a group; None without groups.
        used: indices of the rows of positive weight.
        train: indices of the rows that the candidates are fitted to.
        held_out: indices of the rows that judge them.
        judge: means over the latter.
    """

    table: Rows
    labels: np.ndarray | None
    used: np.ndarray
    train: np.ndarray
    held_out: np.ndarray
    judge: Judge

    def arguments(self, rows: np.ndarray) -> dict[str, Any]:
        """Return some rows as arguments of `pushforward.fit`."""
        table = self.table
        return {
            "x": _named(table.x[rows], table.names),
            "condition": jax.tree.map(lambda part: _named(part[rows], table.condition_names), table.condition),
            "weights": None if table.weights is None else table.weights[rows],
            "groups": None if self.labels is None else self.labels[rows],
        }

    def log_prob(self, flow: AbstractDistribution) -> Float[np.ndarray, " rows"]:
        """Return the log-density of each held-out row, in nats."""
        rows, out = self.held_out, []
        size = min(len(rows), BLOCK_ROWS)
        for start in range(0, len(rows), size):
            # Blocks of one size compile once.
            part = np.resize(rows[start : start + size], size)
            condition = jax.tree.map(lambda array, part=part: array[part], self.table.condition)
            out.append(np.asarray(flow.log_prob(self.table.x[part], condition), np.float64))
        return np.concatenate(out)[: len(rows)]


def divide(
    table: Rows, used: np.ndarray, labels: np.ndarray | None, judge_fraction: float, seed: np.ndarray
) -> SearchRows:
    """Hold out a share of the rows; rows of a group, and copies of a row, stay on one side.

    Arguments:
        table: all rows.
        used: indices of the rows of positive weight.
        labels: a number for each row, the same for rows of a group, or None.
        judge_fraction: share of the rows to hold out.
        seed: the data of a random key.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # The first fit says that there are copies.
        together = group_copies(table, used, None if labels is None else labels[used])
    rng = np.random.default_rng([4, *seed.ravel().tolist()])
    train, held_out = split_rows(rng, len(used), round(judge_fraction * len(used)), together)
    value = f"`{len(train)} to fit, {len(held_out)} held out`"
    require(min(len(train), len(held_out)) >= 2, "x", "of two rows at least on each side of the split", value)
    weights = np.ones(len(held_out)) if table.weights is None else table.weights[used[held_out]]
    judge = Judge(weights / weights.max(), None if together is None else together[held_out])
    return SearchRows(table, labels, used, used[train], used[held_out], judge)


def _named(values: np.ndarray, names: tuple[str, ...] | None) -> Any:
    return values if names is None else Table(names, values)
