"""Columns of mean 0 and standard deviation 1, for libraries whose documentation asks for such data."""

import numpy as np

from . import LogProb


class Standard:
    """The means and standard deviations of rows and conditions.

    Attributes:
        x, condition: the rows and conditions, standardized, float32.
    """

    def __init__(self, x: np.ndarray, condition: np.ndarray | None):
        self._of_x = x.mean(axis=0), x.std(axis=0)
        if condition is not None:
            spread = condition.std(axis=0)
            self._of_condition = condition.mean(axis=0), np.where(spread > 0, spread, 1.0)
        self.x, self.condition = self.apply(x, condition)

    def apply(self, x: np.ndarray, condition: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Return rows and conditions, standardized."""
        mean, spread = self._of_x
        x = ((x - mean) / spread).astype(np.float32)
        if condition is None:
            return x, None
        mean, spread = self._of_condition
        return x, ((condition - mean) / spread).astype(np.float32)

    def undo(self, log_prob: LogProb) -> LogProb:
        """Return the log-density of rows as they come, from that of standardized rows."""
        log_spread = np.log(self._of_x[1]).sum()
        return lambda x, condition: log_prob(*self.apply(x, condition)).astype(np.float64) - log_spread
