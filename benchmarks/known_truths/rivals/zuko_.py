"""zuko: its neural spline flow as the README builds and trains it, on standardized data, with early stopping.

Three transforms, networks of three hidden layers of 128, Adam of rate 1e-3. The documentation leaves open when to stop:
after 10 epochs without a better loss on a held-out tenth, or 200 epochs, and the best parameters are kept. Batches have
64 rows, as in the tutorials, or 256 if there are more than 10,000 rows.

Source: "Getting started", README of zuko.
"""

import copy

import numpy as np
import torch
import zuko

from . import LogProb
from ._standard import Standard

PATIENCE = 10
MAX_EPOCHS = 200


def fit(x: np.ndarray, condition: np.ndarray | None, seed: int) -> LogProb:
    """Train until the held-out loss does not fall any more."""
    torch.manual_seed(seed)
    standard = Standard(x, condition)
    flow = zuko.flows.NSF(
        x.shape[1], 0 if condition is None else condition.shape[1], transforms=3, hidden_features=[128] * 3
    )

    def log_density(x: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        return flow(condition).log_prob(x)

    rows = torch.from_numpy(standard.x)
    given = None if standard.condition is None else torch.from_numpy(standard.condition)

    def loss(index: torch.Tensor) -> torch.Tensor:
        return -log_density(rows[index], None if given is None else given[index]).mean()

    order = torch.randperm(len(x))
    held, train = order[: len(x) // 10], order[len(x) // 10 :]
    batch = 64 if len(x) <= 10_000 else 256
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    best, best_state, waited = float("inf"), copy.deepcopy(flow.state_dict()), 0
    for _ in range(MAX_EPOCHS):
        for index in train[torch.randperm(len(train))].split(batch):
            value = loss(index)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        with torch.no_grad():
            value = loss(held).item()
        if value < best:
            best, best_state, waited = value, copy.deepcopy(flow.state_dict()), 0
        else:
            waited += 1
            if waited == PATIENCE:
                break
    flow.load_state_dict(best_state)

    @torch.no_grad()
    def log_prob(x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        return log_density(torch.from_numpy(x), None if condition is None else torch.from_numpy(condition)).numpy()

    return standard.undo(log_prob)
