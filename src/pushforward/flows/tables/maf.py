"""Masked autoregressive flow."""

from ..._types import Key
from ...bijections import Autoregressive
from ...distributions import Pushforward
from ...networks import Activation, MLPSettings
from ...univariate import Affine
from .._assemble import MAX_LOG_SCALE, assemble


def maf(
    key: Key,
    dim: int,
    *,
    cond_dim: int = 0,
    layers: int = 5,
    hidden: tuple[int, ...] = (128, 128),
    activation: Activation = "relu",
    residual: bool = False,
) -> Pushforward:
    """Masked autoregressive flow: affine maps with parameters from the elements before; density in one pass per layer.

    Arguments:
        key: random key for the initial weights.
        dim: elements of an event.
        cond_dim: elements of the condition, 0 for an unconditional density.
        layers: number of layers.
        hidden, activation, residual: settings of the networks; see `pushforward.networks.MLPSettings`.

    Reference:
        "Masked Autoregressive Flow for Density Estimation", Papamakarios, Pavlakou, Murray, 2017.
    """

    affine = Affine(MAX_LOG_SCALE)
    network = MLPSettings(hidden, activation, residual)

    def layer(key: Key) -> Autoregressive:
        return Autoregressive.mlp(key, affine, dim, cond_dim=cond_dim, network=network)

    return assemble(key, dim, cond_dim, layers, layer, unroll=True)
