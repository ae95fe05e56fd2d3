"""sbi: neural spline flows with its trainers' defaults, `NPE` with a condition and `MarginalTrainer` without.

Five transforms with 50 hidden features, 10 bins, standardized data; Adam of rate 5e-4, batches of 200, gradients of
norm 5 at most, stopped after 20 epochs without a better loss on a held-out tenth. `NPE` learns the density of its
parameters, here the rows, given its simulations, here the conditions.

Source: API reference of sbi, `NPE`, `MarginalTrainer` and `posterior_nn`.
"""

from typing import Any

import numpy as np
import torch
from sbi.inference import NPE, MarginalTrainer
from sbi.neural_nets import posterior_nn

from . import LogProb


def _tensor(a: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(a.astype(np.float32))


def fit(x: np.ndarray, condition: np.ndarray | None, seed: int) -> LogProb:
    """Train with the defaults."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  sbi may draw from NumPy's global generator
    found: Any
    if condition is None:
        found = MarginalTrainer(density_estimator="nsf", show_progress_bars=False).append_samples(_tensor(x)).train()
    else:
        trainer = NPE(density_estimator=posterior_nn("nsf"), show_progress_bars=False)
        found = trainer.append_simulations(_tensor(x), _tensor(condition)).train()

    @torch.no_grad()
    def log_prob(x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        if condition is None:
            return found.log_prob(_tensor(x)).numpy().reshape(-1).astype(np.float64)
        return found.log_prob(_tensor(x)[None], _tensor(condition)).numpy().reshape(-1).astype(np.float64)

    return log_prob
