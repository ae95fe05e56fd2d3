"""pushforward: the flow and the fit that a user gets by default, or a variant of them."""

import jax
import numpy as np

from ..variants import VARIANTS
from . import Fit, LogProb


def with_variant(name: str) -> Fit:
    """Return the fit by a variant's name."""
    variant = VARIANTS[name]

    def fit(x: np.ndarray, condition: np.ndarray | None, seed: int) -> LogProb:
        distribution = variant(jax.random.key(seed), x, condition)
        return lambda x, condition: np.asarray(distribution.log_prob(x, condition), np.float64)

    return fit


fit = with_variant("default")
