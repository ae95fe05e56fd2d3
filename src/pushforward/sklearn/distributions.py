"""Predictive distributions with the methods of SciPy's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import jax
import numpy as np
from jaxtyping import Float

from .._errors import bad, require, require_count
from ..data import Frame
from ..models import TableModel
from ..models.tables.predicting import Prediction
from ._settings import RandomState, seed_of
from ._tables import numbers_of, targets_of, with_columns
from .stack.density import StackedDensity
from .stack.prediction import LEVELS, StackPrediction

#: A value has a probability that counts for the mode if it is so many of `LEVELS` quantiles.
TWICE = 2


@final
@dataclass(frozen=True)
class PredictedDistribution:
    """The distribution of a target in each of n rows: exact, no draws.

    As in SciPy, arguments are broadcast against the rows: a number, or an array of shape (n,), (k, 1) or (k, n). Values
    with a probability, as counts, categories and amounts of exactly zero, have it as their `pdf`, too; of multiples
    of a step, as 0.1, `pdf` is the probability over the step, so that it compares with densities. Categories that are
    no numbers have `pmf`, `logpdf`, `mode`, `rvs` and `probabilities`.

    Attributes:
        prediction: what a model predicts.
    """

    prediction: Prediction | StackPrediction

    @property
    def name(self) -> str:
        """The name of the target."""
        return self.prediction.name

    @cached_property
    def levels(self) -> np.ndarray:
        """The categories.

        Raises:
            ValueError: if the target is a number.
        """
        levels = self.prediction.levels
        out = np.empty(len(levels), object)
        out[:] = levels
        return out

    @cached_property
    def probabilities(self) -> Float[np.ndarray, "n levels"]:
        """The probabilities of the categories."""
        return self.prediction.probabilities()

    @property
    def is_number(self) -> bool:
        """Whether the target is a number, or its categories are."""
        numbers = (int, float, np.number)
        return self.prediction.is_number or all(isinstance(level, numbers) for level in self.levels)

    def cdf(self, y: Any) -> np.ndarray:
        """Return the probability of a number up to y."""
        if self.prediction.is_number:
            return self._each(y, self.prediction.cdf)
        numbers, y = self._numbers, numbers_of(y)
        return self._each(y, lambda row: (self.probabilities * (numbers <= row[:, None])).sum(axis=1))

    def sf(self, y: Any) -> np.ndarray:
        """Return the probability of a number above y."""
        return 1 - self.cdf(y)

    def ppf(self, q: Any) -> np.ndarray:
        """Return the least number up to which the probability is q: the quantile."""
        q = np.asarray(q, np.float64)
        require(bool(((q > 0) & (q < 1)).all()), "q", "between 0 and 1", q)
        levels = self._rows(q)
        if self.prediction.is_number:
            return self.prediction.quantile(levels.T).T.reshape(self._shape(q))
        order = np.argsort(self._numbers)
        up_to = np.cumsum(self.probabilities[:, order], axis=1)
        place = np.stack([(up_to < row[:, None] - 1e-7).sum(axis=1) for row in levels])
        return self._numbers[order][np.minimum(place, len(order) - 1)].reshape(self._shape(q))

    def logpdf(self, y: Any) -> np.ndarray:
        """Return the log-density of y in nats, per unit of y; see the class for values with a probability."""
        return self._each(y, self.prediction.log_prob)

    def pdf(self, y: Any) -> np.ndarray:
        """Return the density of y, or its probability if it has one."""
        return np.exp(self.logpdf(y))

    def pmf(self, y: Any) -> np.ndarray:
        """Return the probability of exactly y: 0 where it has a density."""
        return self._each(y, self.prediction.pmf)

    def logpmf(self, y: Any) -> np.ndarray:
        """Return the logarithm of the probability of exactly y, in nats."""
        with np.errstate(divide="ignore"):
            return np.log(self.pmf(y))

    def pit(self, y: Any, random_state: RandomState = None) -> Float[np.ndarray, " n"]:
        """Return the probability of numbers below y; where y has a probability, a uniform draw from its interval.

        The results are uniform on (0, 1) if the distributions are calibrated: `pushforward.plot.pit` draws them.

        Arguments:
            y: observed values, shape (n,).
            random_state: an integer for the same draws each time, a NumPy `RandomState`, or None.

        Reference:
            "Predictive Model Assessment for Count Data", Czado, Gneiting, Held, 2009.
        """
        up_to, own = self.cdf(y), self.pmf(y)
        return np.clip(up_to - own * np.random.default_rng(seed_of(random_state)).uniform(size=up_to.shape), 0, 1)

    def rvs(self, size: int | None = None, random_state: RandomState = None) -> np.ndarray:
        """Return draws: shape (n,), or (size, n).

        Arguments:
            size: number of draws for each row; None for one without an axis.
            random_state: an integer for the same draws each time, a NumPy `RandomState`, or None.
        """
        count = 1 if size is None else require_count("size", size)
        draws = self.prediction.sample(count, seed_of(random_state)).T
        if not self.prediction.is_number:
            draws = self.levels[draws.astype(int)]
            draws = draws.astype(np.float64) if self.is_number else draws
        return draws[0] if size is None else draws

    def mean(self) -> Float[np.ndarray, " n"]:
        """Return the mean: of categories that are numbers exactly, of other numbers as that of 128 quantiles."""
        return self.prediction.mean() if self.prediction.is_number else self.probabilities @ self._numbers

    def var(self) -> Float[np.ndarray, " n"]:
        """Return the variance, computed as the mean."""
        if self.prediction.is_number:
            return self._quantiles.var(axis=1)
        return self.probabilities @ self._numbers**2 - self.mean() ** 2

    def std(self) -> Float[np.ndarray, " n"]:
        """Return the standard deviation."""
        return np.sqrt(np.maximum(self.var(), 0))

    def median(self) -> Float[np.ndarray, " n"]:
        """Return the median."""
        return self.ppf(0.5)

    def interval(self, coverage: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the interval that leaves (1 - coverage) / 2 on either side."""
        require(0 < coverage < 1, "coverage", "between 0 and 1", coverage)
        return self.ppf((1 - coverage) / 2), self.ppf((1 + coverage) / 2)

    def mode(self) -> np.ndarray:
        """Return the likeliest category, or the number of the greatest density.

        Numbers that have a probability of more than about 1/64 count for more than densities: the likeliest of them is
        the mode. The place of the greatest density is found to about 1/2000 of the probability.
        """
        if not self.prediction.is_number:
            modes = self.levels[self.probabilities.argmax(axis=1)]
            return modes.astype(np.float64) if self.is_number else modes
        quantiles = self._quantiles
        first, run = _longest_runs(quantiles)
        rows = np.arange(len(quantiles))
        best = np.diff(quantiles, axis=1).argmin(axis=1)
        # The steepest place of the distribution function, looked at again from nearby.
        level = (best + 1.0) / LEVELS
        near = np.clip(level[:, None] + np.linspace(-1.5, 1.5, 49) / LEVELS, 0.25 / LEVELS, 1 - 0.25 / LEVELS)
        finer = self.prediction.quantile(near)
        wide = finer[:, 6:] - finer[:, :-6]
        place = np.where(near[:, 6:] > near[:, :-6], wide, np.inf).argmin(axis=1)
        return np.where(run >= TWICE, quantiles[rows, first], finer[rows, place + 3])

    @cached_property
    def _quantiles(self) -> Float[np.ndarray, "n levels"]:
        return self.prediction.quantile((np.arange(LEVELS) + 0.5) / LEVELS)

    @property
    def _numbers(self) -> Float[np.ndarray, " levels"]:
        """The categories as numbers.

        Raises:
            ValueError: if they are none.
        """
        if not self.is_number:
            raise bad("y", "a target of numbers", self.name, "Use `probabilities`, `pmf` or `mode`.")
        return self.levels.astype(np.float64)

    def _rows(self, y: np.ndarray) -> np.ndarray:
        """Return arguments as an array of shape (k, n)."""
        return np.broadcast_to(y, np.broadcast_shapes(np.shape(y), (len(self),))).reshape(-1, len(self))

    def _shape(self, y: Any) -> tuple[int, ...]:
        return np.broadcast_shapes(np.shape(y), (len(self),))

    def _each(self, y: Any, f: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return what a function of one value for each row gives for arguments."""
        y = numbers_of(y) if self.is_number else np.asarray(y)
        return np.stack([f(row) for row in self._rows(y)]).reshape(self._shape(y))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.prediction)


@final
@dataclass(frozen=True)
class JointDistribution:
    """The distribution of several targets in each of n rows.

    Attributes:
        marginals: the distribution of each target alone, by name: exact.
        model: gives the joint density.
        features: of the rows.
    """

    marginals: Mapping[str, PredictedDistribution]
    model: TableModel | StackedDensity
    features: Frame

    def logpdf(self, Y: Any) -> Float[np.ndarray, " n"]:
        """Return the joint log-density of targets, exact: an array or data frame with a row for each row."""
        targets = targets_of(Y, len(self.features), self.features.names)[0]
        names = list(self.marginals)
        right = len(targets.names) == len(names)
        require(right, "Y", f"of {len(names)} columns, {', '.join(names)}", f"`{len(targets.names)} columns`")
        table = Frame(targets.table.rename_columns(names))
        if isinstance(self.model, StackedDensity):
            return self.marginals[names[0]].logpdf(table.table[names[0]].to_numpy())
        return self.model.log_prob(with_columns(self.features, table)).astype(np.float64)

    def rvs(self, size: int | None = None, random_state: RandomState = None) -> np.ndarray:
        """Return joint draws: shape (n, targets), or (size, n, targets); of objects if a target is no number."""
        if isinstance(self.model, StackedDensity):
            (marginal,) = self.marginals.values()
            return marginal.rvs(size, random_state)[..., None]
        count = 1 if size is None else require_count("size", size)
        rows = self.model.sample(jax.random.key(seed_of(random_state)), count, given=Frame(self.features.table))
        columns = [np.asarray(rows[name].to_numpy(zero_copy_only=False)) for name in self.marginals]
        draws = np.stack([c if c.dtype.kind not in "iub" else c.astype(np.float64) for c in columns], axis=-1)
        draws = draws.reshape(len(self.features), count, -1).swapaxes(0, 1)
        return draws[0] if size is None else draws

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.features)


def _longest_runs(quantiles: Float[np.ndarray, "n levels"]) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each row, where its longest run of equal quantiles begins, and how many steps it has."""
    length, first, best = (np.zeros(len(quantiles), int) for _ in range(3))
    for j in range(1, quantiles.shape[1]):
        same = quantiles[:, j] == quantiles[:, j - 1]
        length = np.where(same, length + 1, 0)
        longer = length > best
        best, first = np.where(longer, length, best), np.where(longer, j - length, first)
    return first, best
