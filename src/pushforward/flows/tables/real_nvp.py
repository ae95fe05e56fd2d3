"""Affine couplings."""

from ..._types import Key
from ...bijections import Coupling
from ...distributions import Pushforward
from ...networks import Activation, MLPSettings
from ...univariate import Affine
from .._assemble import MAX_LOG_SCALE, assemble


def real_nvp(
    key: Key,
    dim: int,
    *,
    cond_dim: int = 0,
    layers: int = 8,
    hidden: tuple[int, ...] = (128, 128),
    activation: Activation = "relu",
    residual: bool = False,
) -> Pushforward:
    """Affine couplings: both directions cost one pass of each network.

    Arguments:
        key: random key for the initial weights.
        dim: elements of an event.
        cond_dim: elements of the condition, 0 for an unconditional density.
        layers: number of layers.
        hidden, activation, residual: settings of the networks; see `pushforward.networks.MLPSettings`.

    Reference:
        "Density Estimation using Real NVP", Dinh, Sohl-Dickstein, Bengio, 2017.
    """

    affine = Affine(MAX_LOG_SCALE)
    network = MLPSettings(hidden, activation, residual)

    def layer(key: Key) -> Coupling:
        return Coupling.mlp(key, affine, dim, cond_dim=cond_dim, network=network)

    return assemble(key, dim, cond_dim, layers, layer, unroll=True)
