"""zuko: its ready-made flows; the coupling spline flow is its `NICE` with spline instead of shift, as RealNVP is."""

from functools import partial

import torch
import zuko
from zuko.transforms import MonotonicRQSTransform

from ..spec import Spec
from ._torch import TorchModel


def build(spec: Spec, compiled: bool) -> TorchModel:
    torch.manual_seed(spec.seed)
    common = {"context": spec.condition, "transforms": spec.layers, "hidden_features": spec.hidden}
    splines = {
        "univariate": partial(MonotonicRQSTransform, bound=spec.bound),
        "shapes": [(spec.bins,), (spec.bins,), (spec.bins - 1,)],
    }
    flows = zuko.flows
    flow = {
        "nsf": lambda: flows.MAF(spec.dim, **common, **splines),
        "coupling": lambda: flows.RealNVP(spec.dim, **common, **splines),
        "maf": lambda: flows.MAF(spec.dim, **common),
        "real_nvp": lambda: flows.RealNVP(spec.dim, **common),
    }[spec.architecture]()

    def sample(n: int, condition: torch.Tensor | None) -> torch.Tensor:
        return flow().sample((n,)) if condition is None else flow(condition).sample()

    return TorchModel(spec, flow, lambda x, c: flow(c).log_prob(x), sample, compiled)
