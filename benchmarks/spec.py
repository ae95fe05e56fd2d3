"""What is measured: the work that every library is given, and the names it goes by in the results."""

import math
from dataclasses import dataclass, field

import numpy as np

#: How a table heads them.
ARCHITECTURES = {
    "nsf": "autoregressive RQ-NSF",
    "coupling": "coupling RQ-NSF",
    "maf": "MAF",
    "real_nvp": "RealNVP",
}
DIMS = (2, 6, 32, 64, 128)
#: Events of one evaluation of log_prob and of one draw of samples.
EVENTS = 20_000
#: Modules of `benchmarks.libraries`; `+compile` runs a PyTorch library under `torch.compile` with a fused Adam, `+xla`
#: one on JAX with XLA's own reductions and products instead of those of its CPU library.
LIBRARIES = (
    "pushforward",
    "flowjax",
    "flowjax+xla",
    "distrax",
    "distrax+xla",
    "zuko",
    "zuko+compile",
    "nflows",
    "nflows+compile",
    "normflows",
    "normflows+compile",
)

#: The flag of `+xla`.
XLA_FLAG = "--xla_cpu_experimental_ynn_fusion_type="


@dataclass(frozen=True)
class Spec:
    """One flow and how it is trained.

    Attributes:
        architecture: of `ARCHITECTURES`, or "default", the flow of pushforward's that a user gets.
        dim: elements of an event.
        condition: elements of the condition, 0 for none.
        layers: 0 for the default, 8 for RealNVP and 5 for the others.
        width, depth: of the hidden layers of each network, relu.
        bins, bound: of the splines, on [-bound, bound].
        rate: of Adam, constant, or the start of a cosine decay to zero over `steps` if that is not 0.
        perturbed: move a flow that starts at the identity away from it, as a fit would.
    """

    architecture: str
    dim: int
    condition: int = 0
    layers: int = 0
    width: int = 128
    depth: int = 2
    bins: int = 8
    bound: float = 5.0
    batch: int = 512
    rate: float = 1e-3
    steps: int = 0
    seed: int = 0
    perturbed: bool = False
    hidden: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", (self.width,) * self.depth)
        if not self.layers:
            object.__setattr__(self, "layers", 8 if self.architecture == "real_nvp" else 5)

    def rates(self, first: int, count: int) -> np.ndarray:
        """Return the learning rates of steps `first` to `first + count`."""
        if not self.steps:
            return np.full(count, self.rate, np.float32)
        return (self.rate * 0.5 * (1 + np.cos(math.pi * np.arange(first, first + count) / self.steps))).astype("f4")

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return correlated normal events of unit variance, and conditions, if any."""
        rng = np.random.default_rng(self.seed)
        z = rng.normal(size=(rows, self.dim))
        x = 0.8 * z + 0.6 * np.roll(z, 1, axis=1)
        condition = rng.normal(size=(rows, self.condition)).astype("f4") if self.condition else None
        return x.astype("f4"), condition


class UnsupportedError(Exception):
    """The library does not have this part; the message says which."""
