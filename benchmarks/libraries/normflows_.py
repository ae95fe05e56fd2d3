"""normflows: its layers, with plain networks where it has them.

Its conditional MADE has residual blocks only, of two matrices each; its affine couplings take no condition.
"""

import normflows as nf
import torch
from normflows.flows.neural_spline.autoregressive import MaskedPiecewiseRationalQuadraticAutoregressive
from normflows.flows.neural_spline.coupling import PiecewiseRationalQuadraticCoupling

from ..spec import Spec, UnsupportedError
from ._torch import ContextMLP, TorchModel, alternating_mask


class _Density(nf.flows.Flow):
    """Turn a layer around, so that the density is its parallel direction."""

    def __init__(self, layer: torch.nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, z: torch.Tensor, context: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer.inverse(z, context)

    def inverse(self, z: torch.Tensor, context: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(z, context)


def _layers(spec: Spec, i: int) -> list[nf.flows.Flow]:
    dim = spec.dim
    splines = {"num_bins": spec.bins, "tails": "linear", "tail_bound": spec.bound}
    if spec.architecture == "coupling":
        mask = alternating_mask(dim, i)
        return [_Density(PiecewiseRationalQuadraticCoupling(mask, lambda a, b: ContextMLP(a, b, spec), **splines))]
    if spec.architecture == "real_nvp":
        if spec.condition:
            raise UnsupportedError("its affine couplings take no condition")
        net = nf.nets.MLP([(dim + 1) // 2, *spec.hidden, 2 * (dim // 2)])
        return [nf.flows.AffineCouplingBlock(net), nf.flows.Permute(dim, mode="swap")]
    made = {
        "features": dim,
        "hidden_features": spec.width,
        "context_features": spec.condition or None,
        "num_blocks": spec.depth - 1,
        "use_residual_blocks": bool(spec.condition),
    }
    turn = _Density(nf.flows.Permute(dim, mode="swap"))
    if spec.architecture == "maf":
        return [turn, _Density(nf.flows.MaskedAffineAutoregressive(**made))]
    return [turn, _Density(MaskedPiecewiseRationalQuadraticAutoregressive(**made, **splines, init_identity=False))]


def build(spec: Spec, compiled: bool) -> TorchModel:
    torch.manual_seed(spec.seed)
    layers = [part for i in range(spec.layers) for part in _layers(spec, i)]
    base = nf.distributions.DiagGaussian(spec.dim, trainable=False)
    if spec.condition:
        flow = nf.ConditionalNormalizingFlow(base, layers)
        return TorchModel(spec, flow, flow.log_prob, lambda n, c: flow.sample(n, c)[0], compiled)
    flow = nf.NormalizingFlow(base, layers)
    return TorchModel(spec, flow, lambda x, _: flow.log_prob(x), lambda n, _: flow.sample(n)[0], compiled)
