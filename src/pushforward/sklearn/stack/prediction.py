"""The distribution of a number in each row: a mixture of logistics on several scales."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logit, logsumexp

from ..._errors import bad, require
from .scales import Scale
from .search import near_quantiles
from .target import Target

#: Steps of the search for a quantile, and its precision in standard deviations (of their logarithm, far out).
STEPS, PRECISION = 200, 1e-10
#: Steps of Newton's method from places found in single precision.
POLISHING = 4
#: Components of numbers that are looked at together.
TOGETHER = 1 << 22
#: Levels of probability whose quantiles give the mean.
LEVELS = 128


@final
@dataclass(frozen=True)
class Logistics:
    """Mixtures of logistics on one scale, one for each row; the weights of all scales add up to one.

    Attributes:
        scale: of the number.
        log_weights, locations, log_scales: of the components.
    """

    scale: Scale
    log_weights: Float[np.ndarray, "rows m"]
    locations: Float[np.ndarray, "rows m"]
    log_scales: Float[np.ndarray, "rows m"]

    def take(self, rows: Any) -> "Logistics":
        """Return the mixtures of some rows."""
        return Logistics(self.scale, self.log_weights[rows], self.locations[rows], self.log_scales[rows])

    def cdf(self, y: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
        """Return the part of the probability that lies up to y, for each row."""
        return (np.exp(self.log_weights) * expit(self._standardized(y))).sum(axis=1)

    def log_prob(self, y: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
        """Return the logarithm of the part of the density at y, for each row."""
        size = np.abs(self._standardized(y))
        each = self.log_weights - size - 2 * np.log1p(np.exp(-size)) - self.log_scales
        return np.asarray(logsumexp(each, axis=1)) + self.scale.log_slope(y)

    def probability(self, y: Float[np.ndarray, " rows"]) -> tuple[np.ndarray, np.ndarray]:
        """Return the part of the probability that lies up to y, and its slope, for each row."""
        z = self._standardized(y)
        small, weights = np.exp(-np.abs(z)), np.exp(self.log_weights)
        share = weights / (1 + small)
        up_to = np.where(z > 0, share, share * small).sum(axis=1)
        density = (share * small / (1 + small) * np.exp(-self.log_scales)).sum(axis=1)
        return up_to, density * np.exp(self.scale.log_slope(y))

    def log_between(self, low: Float[np.ndarray, " rows"], high: Float[np.ndarray, " rows"]) -> np.ndarray:
        """Return the logarithm of the part of the probability that lies between two numbers, for each row."""
        a, b = self._standardized(low), self._standardized(high)
        with np.errstate(divide="ignore"):
            each = np.log(-np.expm1(a - b)) - np.logaddexp(0, -b) - np.logaddexp(0, a)
        return np.asarray(logsumexp(self.log_weights + each, axis=1))

    def quantiles(self, u: Float[np.ndarray, " rows"]) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest quantile of the components of each row."""
        each = self.locations + np.exp(self.log_scales) * logit(u)[:, None]
        return self.scale.values(each.min(axis=1)), self.scale.values(each.max(axis=1))

    def _standardized(self, y: np.ndarray) -> np.ndarray:
        return (self.scale.scores(y)[:, None] - self.locations) * np.exp(-self.log_scales)


@final
@dataclass(frozen=True)
class StackPrediction:
    """Distributions of a number, one for each row, without what lies beyond bounds.

    Attributes:
        target: the number.
        parts: the mixtures on each scale.
    """

    target: Target
    parts: tuple[Logistics, ...]

    @property
    def name(self) -> str:
        """The name of the number."""
        return self.target.name

    @property
    def is_number(self) -> bool:
        """True."""
        return True

    @property
    def levels(self) -> list[Any]:
        """None of a number: raises a ValueError."""
        raise bad("target", "a column of categories", self.name, "Use `quantile`.")

    def probabilities(self) -> np.ndarray:
        """None of a number: raises a ValueError."""
        return np.asarray(self.levels)

    def cdf(self, values: Any) -> Float[np.ndarray, " rows"]:
        """Return the probability of numbers up to a value for each row."""
        y = np.clip(self.target.up_to(values), *self.target.ends)
        below, inside = self._bounds
        return np.clip((_cdf(self.parts, y) - below) / inside, 0.0, 1.0)

    def log_prob(self, values: Any) -> Float[np.ndarray, " rows"]:
        """Return for each row the log-density of a value, or the log-probability of one that many rows share."""
        at = self.target.intervals(self.target.parts(values))
        possible, wide = at.log_slope > -np.inf, at.high > at.low
        low, high = (np.where(possible, end, self._middle) for end in (at.low, at.high))
        found = _log_prob(self.parts, low) + np.where(possible, at.log_slope, 0)
        if wide.any():
            between = [part.take(wide).log_between(low[wide], high[wide]) for part in self.parts]
            found[wide] = np.asarray(logsumexp(np.stack(between), axis=0)) - self.target.log_step
        return np.where(possible, found - np.log(self._bounds[1]), -np.inf)

    def pmf(self, values: Any) -> Float[np.ndarray, " rows"]:
        """Return the probability of exactly a value for each row: 0 where it has a density and no probability."""
        at = self.target.intervals(self.target.parts(values))
        wide = at.high > at.low
        if not wide.any():
            return np.zeros(np.shape(values))
        return np.where(wide, np.exp(self.log_prob(values) + self.target.log_step), 0.0)

    def quantile(self, q: Any) -> Float[np.ndarray, "rows ..."]:
        """Return the quantiles of each row at one or several levels, or at levels of shape (rows, k) of its own."""
        levels = np.atleast_1d(np.asarray(q, np.float64))
        require(bool(((levels > 0) & (levels < 1)).all()), "q", "between 0 and 1", q)
        wanted = self._inside(np.broadcast_to(levels, (len(self), levels.shape[-1])))
        near = self._near(wanted)
        components = sum(part.locations.shape[1] for part in self.parts)
        step = max(1, TOGETHER // (components * wanted.shape[1]))
        found = [self._search(wanted[i : i + step], near[i : i + step], i) for i in range(0, len(self), step)]
        values = self._values(np.concatenate(found) if found else near)
        return values[:, 0] if np.ndim(q) == 0 else values

    def sample(self, n: int, seed: int = 0) -> Float[np.ndarray, "rows n"]:
        """Return n draws for each row."""
        return self.quantile(np.random.default_rng(seed).uniform(1e-12, 1 - 1e-12, (len(self), n)))

    def mean(self) -> Float[np.ndarray, " rows"]:
        """Return the mean of each row, as the mean of quantiles at 128 levels, in single precision."""
        levels = np.broadcast_to((np.arange(LEVELS) + 0.5) / LEVELS, (len(self), LEVELS))
        return self._values(self._near(self._inside(levels))).mean(axis=1)

    @cached_property
    def _bounds(self) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
        """The probabilities below the lower bound and between the bounds, before it is made one."""
        ends = (np.full(len(self), end) for end in self.target.ends)
        low, high = (_cdf(self.parts, end) for end in ends)
        return low, np.maximum(high - low, 1e-300)

    @property
    def _middle(self) -> float:
        """A number between the bounds."""
        low, high = self.target.ends
        if np.isfinite(low):
            return low + min(1.0, 0.5 * (high - low))
        return high - 1.0 if np.isfinite(high) else 0.0

    def _inside(self, levels: Float[np.ndarray, "rows k"]) -> Float[np.ndarray, "rows k"]:
        """Return the levels of the mixtures for levels between the bounds."""
        below, inside = self._bounds
        return np.clip(below[:, None] + levels * inside[:, None], 1e-300, 1 - 1e-16)

    def _values(self, t: Float[np.ndarray, "rows k"]) -> Float[np.ndarray, "rows k"]:
        """Return the numbers at places of the search."""
        center, spread = self._coordinate
        return self.target.values(np.clip(center + spread * np.sinh(t), *self.target.ends))

    @property
    def _coordinate(self) -> tuple[float, float]:
        """m and s of the coordinate t of the search, y = m + s sinh(t), in which numbers of any size are near."""
        scale = self.parts[0].scale
        return float(scale.values(np.zeros(1))[0]), scale.spread

    def _near(self, wanted: Float[np.ndarray, "rows k"]) -> Float[np.ndarray, "rows k"]:
        """Return places where the distribution function nearly has some values."""
        mixtures = [(part.log_weights, part.locations, part.log_scales) for part in self.parts]
        return near_quantiles([part.scale for part in self.parts], mixtures, wanted, *self._coordinate)

    def _search(
        self, wanted: Float[np.ndarray, "rows k"], near: Float[np.ndarray, "rows k"], first: int
    ) -> Float[np.ndarray, "rows k"]:
        """Return where the distribution function has some values, given places nearby."""
        rows = first + np.repeat(np.arange(len(wanted)), wanted.shape[1])
        goal, t = wanted.ravel(), near.ravel().copy()
        parts = tuple(part.take(rows) for part in self.parts)
        m, s = self._coordinate
        open_ = np.arange(len(goal))
        for _ in range(POLISHING):
            if not len(open_):
                return t.reshape(wanted.shape)
            own = parts if len(open_) == len(goal) else tuple(part.take(open_) for part in parts)
            now = t[open_]
            both = [part.probability(m + s * np.sinh(now)) for part in own]
            off, slope = (sum(each) for each in zip(*both, strict=True))
            with np.errstate(all="ignore"):
                t[open_] = now - (off - goal[open_]) / (slope * s * np.cosh(now))
                moved = ~(np.abs(t[open_] - now) <= PRECISION * (1 + np.abs(now)))
            open_ = open_[moved]
        # Single precision was not enough, as far out.
        t[open_] = self._bisect(goal[open_], tuple(part.take(open_) for part in parts))
        return t.reshape(wanted.shape)

    def _bisect(self, goal: Float[np.ndarray, " n"], parts: tuple[Logistics, ...]) -> Float[np.ndarray, " n"]:
        """Return where the distribution function has some values, by Newton's method between bounds that close in.

        A quantile of a mixture lies between the least and the greatest quantile of its components.
        """
        m, s = self._coordinate
        ends = [part.quantiles(goal) for part in parts]
        low = np.arcsinh((np.min([a for a, _ in ends], axis=0) - m) / s)
        high = np.arcsinh((np.max([b for _, b in ends], axis=0) - m) / s)
        t, open_ = 0.5 * (low + high), np.arange(len(goal))
        for _ in range(STEPS):
            if not len(open_):
                break
            now = t[open_]
            own = parts if len(open_) == len(goal) else tuple(part.take(open_) for part in parts)
            y = m + s * np.sinh(now)
            off = _cdf(own, y) - goal[open_]
            low[open_], high[open_] = np.where(off < 0, now, low[open_]), np.where(off < 0, high[open_], now)
            with np.errstate(all="ignore"):
                newton = now - off / (np.exp(_log_prob(own, y)) * s * np.cosh(now))
            inside = (newton >= low[open_]) & (newton <= high[open_])
            t[open_] = np.where(inside, newton, 0.5 * (low[open_] + high[open_]))
            moved = np.abs(t[open_] - now) > PRECISION * (1 + np.abs(now))
            open_ = open_[moved]
        return t

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.parts[0].locations)


def _cdf(parts: tuple[Logistics, ...], y: np.ndarray) -> np.ndarray:
    return np.sum([part.cdf(y) for part in parts], axis=0)


def _log_prob(parts: tuple[Logistics, ...], y: np.ndarray) -> np.ndarray:
    return np.asarray(logsumexp(np.stack([part.log_prob(y) for part in parts]), axis=0))
