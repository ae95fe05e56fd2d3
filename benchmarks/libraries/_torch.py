"""What the PyTorch libraries share: the training loop of the tutorials, eager or under `torch.compile`."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..spec import Spec

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
#: (x, condition) -> log-densities; (n, condition) -> draws.
LogProb = Callable[[Tensor, Tensor | None], Tensor]
Sample = Callable[[int, Tensor | None], Tensor]


class TorchModel:
    """A module and how its densities and draws are asked for."""

    def __init__(self, spec: Spec, module: nn.Module, log_prob: LogProb, sample: Sample, compiled: bool):
        def loss(x: Tensor, condition: Tensor | None) -> Tensor:
            return -log_prob(x, condition).mean()

        if compiled:
            loss, log_prob, sample = (torch.compile(f, dynamic=False) for f in (loss, log_prob, sample))
        self._loss, self._log_prob, self._sample = loss, log_prob, sample
        self._spec, self._taken = spec, 0
        module.to(DEVICE)
        self.parameters = sum(p.numel() for p in module.parameters())
        self._optimizer = torch.optim.Adam(module.parameters(), lr=spec.rate, fused=compiled)

    def see(self, x: np.ndarray) -> None:
        """Leave the data to who standardized it."""

    def place(self, x: np.ndarray, condition: np.ndarray | None) -> Iterable[tuple[Any, Any]]:
        x, condition = self.array(x), self.array(condition)
        return [(x[i], None if condition is None else condition[i]) for i in range(len(x))]

    def train(self, placed: Iterable[tuple[Any, Any]]) -> float:
        rates = self._spec.rates(self._taken, len(placed))
        for rate, batch in zip(rates.tolist(), placed, strict=True):
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            self._optimizer.zero_grad()
            loss = self._loss(*batch)
            loss.backward()
            self._optimizer.step()
        self._taken += len(placed)
        return loss.item()

    def array(self, a: np.ndarray | None) -> Tensor | None:
        return None if a is None else torch.from_numpy(np.ascontiguousarray(a)).to(DEVICE)

    @torch.no_grad()
    def log_prob(self, x: Tensor, condition: Tensor | None) -> Tensor:
        return _finished(self._log_prob(x, condition))

    @torch.no_grad()
    def sample(self, n: int, condition: Tensor | None) -> Tensor:
        return _finished(self._sample(n, condition))


def _finished(result: Tensor) -> Tensor:
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return result


class ContextMLP(nn.Module):
    """The network of a coupling, of the form that nflows and normflows ask for."""

    def __init__(self, inputs: int, outputs: int, spec: Spec):
        super().__init__()
        sizes = (inputs + spec.condition, *spec.hidden)
        inner = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
        self.hidden_features = spec.width
        self.layers = nn.Sequential(*inner, nn.Linear(sizes[-1], outputs))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.layers(x if context is None else torch.cat([x, context], dim=-1))


def alternating_mask(dim: int, layer: int) -> Tensor:
    """Return 0 and 1 in turn, the other way round in every second layer."""
    return torch.tensor([(i + layer) % 2 for i in range(dim)])
