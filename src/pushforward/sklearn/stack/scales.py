"""Scales on which a number is modelled."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float


@final
@dataclass(frozen=True)
class Scale:
    """Standardized numbers, or their standardized logarithms above a bound.

        z = (y - mean) / spread,   or   z = (log(y - bound) - mean) / spread

    Attributes:
        mean, spread: of the rows of the fit.
        bound: of the logarithm; None for the numbers as they are.
    """

    mean: float
    spread: float
    bound: float | None = None

    @staticmethod
    def plain(y: Float[np.ndarray, " rows"], weights: Float[np.ndarray, " rows"]) -> "Scale":
        """Return the scale of the numbers as they are."""
        mean = np.average(y, weights=weights)
        return Scale(float(mean), float(np.sqrt(np.average((y - mean) ** 2, weights=weights))))

    @staticmethod
    def logarithm(y: Float[np.ndarray, " rows"], weights: Float[np.ndarray, " rows"]) -> "Scale":
        """Return the logarithm above the bound, of several, for which a normal distribution is likeliest.

        It is the scale of the numbers as they are if that is likelier.
        """
        best, least = Scale.plain(y, weights), np.inf
        least = np.log(best.spread)
        for share in np.geomspace(1e-3, 3, 12):
            bound = float(y.min() - share * np.ptp(y))
            logs = np.log(y - bound)
            mean = np.average(logs, weights=weights)
            spread = np.sqrt(np.average((logs - mean) ** 2, weights=weights))
            loss = np.log(spread) + mean
            if loss < least:
                best, least = Scale(float(mean), float(spread), bound), loss
        return best

    def scores(self, y: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return z; -inf at the bound and below."""
        return (self._logs(y) - self.mean) / self.spread

    def log_slope(self, y: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return log dz/dy; 0 where there is no density."""
        if self.bound is None:
            return np.full(np.shape(y), -np.log(self.spread))
        logs = self._logs(y)
        return np.where(np.isfinite(logs), -logs - np.log(self.spread), 0.0)

    def values(self, z: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return y."""
        linear = self.mean + self.spread * z
        return linear if self.bound is None else self.bound + np.exp(np.minimum(linear, 700.0))

    def _logs(self, y: np.ndarray) -> np.ndarray:
        if self.bound is None:
            return y
        above = np.asarray(y) > self.bound
        return np.where(above, np.log(np.where(above, y - self.bound, 1.0)), -np.inf)
