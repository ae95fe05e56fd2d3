"""nflows: its transforms, composed as its ready-made flows compose them, with plain instead of residual networks.

A MADE without residual blocks has one more hidden layer than blocks.
"""

import torch
from nflows.distributions.normal import StandardNormal
from nflows.flows.base import Flow
from nflows.transforms import (
    AffineCouplingTransform,
    CompositeTransform,
    MaskedAffineAutoregressiveTransform,
    MaskedPiecewiseRationalQuadraticAutoregressiveTransform,
    PiecewiseRationalQuadraticCouplingTransform,
    ReversePermutation,
    Transform,
)

from ..spec import Spec
from ._torch import ContextMLP, TorchModel, alternating_mask


def _layers(spec: Spec, i: int) -> list[Transform]:
    splines = {"num_bins": spec.bins, "tails": "linear", "tail_bound": spec.bound}
    if spec.architecture in ("coupling", "real_nvp"):
        mask = alternating_mask(spec.dim, i)
        if spec.architecture == "real_nvp":
            return [AffineCouplingTransform(mask, lambda a, b: ContextMLP(a, b, spec))]
        return [PiecewiseRationalQuadraticCouplingTransform(mask, lambda a, b: ContextMLP(a, b, spec), **splines)]
    made = {
        "features": spec.dim,
        "hidden_features": spec.width,
        "context_features": spec.condition or None,
        "num_blocks": spec.depth - 1,
        "use_residual_blocks": False,
    }
    if spec.architecture == "maf":
        return [ReversePermutation(spec.dim), MaskedAffineAutoregressiveTransform(**made)]
    return [
        ReversePermutation(spec.dim),
        MaskedPiecewiseRationalQuadraticAutoregressiveTransform(**made, **splines),
    ]


def build(spec: Spec, compiled: bool) -> TorchModel:
    torch.manual_seed(spec.seed)
    layers = [part for i in range(spec.layers) for part in _layers(spec, i)]
    flow = Flow(CompositeTransform(layers), StandardNormal([spec.dim]))

    def sample(n: int, condition: torch.Tensor | None) -> torch.Tensor:
        return flow.sample(n) if condition is None else flow.sample(1, context=condition)[:, 0]

    return TorchModel(spec, flow, flow.log_prob, sample, compiled)
