"""Intervals that cover: levels found on rows that a fit has not seen."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from .._errors import require


@final
@dataclass(frozen=True)
class ConformalLevels:
    """Levels of quantiles between which the targets of held-out rows lie as often as they should.

    An interval from the quantile 1/2 - t to 1/2 + t holds a target y if t >= s = max(1/2 - F(y), F(y-) - 1/2). With the
    k-th smallest s of n held-out rows, k = ceil(coverage (n + 1)), it holds that of a new row with a probability of at
    least `coverage`, whatever the model, if the rows are exchangeable: on average over rows, not in each group of them.

    Attributes:
        scores: s of the held-out rows, sorted.

    Reference:
        "Conformalized Quantile Regression", Romano, Patterson, Candès, 2019; "Distributional Conformal Prediction",
        Chernozhukov, Wüthrich, Zhu, 2021.
    """

    scores: Float[np.ndarray, " n"]

    @staticmethod
    def of(below: Float[np.ndarray, " n"], up_to: Float[np.ndarray, " n"]) -> "ConformalLevels":
        """Return the levels for F(y-) and F(y) of rows that were held out, which are equal where y has a density."""
        return ConformalLevels(np.sort(np.maximum(0.5 - up_to, below - 0.5)))

    def levels(self, coverage: float) -> tuple[float, float]:
        """Return the levels of the two ends of an interval.

        Raises:
            ValueError: if there are too few held-out rows for this coverage.
        """
        require(0 < coverage < 1, "coverage", "between 0 and 1", coverage)
        n = len(self.scores)
        place = math.ceil(coverage * (n + 1) - 1e-9)
        rule = f"at most {n / (n + 1):.3g}, for {n} held-out rows"
        require(place <= n, "coverage", rule, coverage, "Fit to more rows, or without `conformalize`.")
        # A level just beyond F(y-) has y as its quantile, not the value before; floats tell levels apart to about 1e-7.
        half = float(np.clip(self.scores[place - 1] + 1e-6, 0.0, 0.5 - 1e-7))
        return 0.5 - half, 0.5 + half
