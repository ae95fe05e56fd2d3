"""Volume-preserving additive couplings."""

from ..._types import Key
from ...bijections import Coupling
from ...distributions import Pushforward
from ...networks import Activation, MLPSettings
from ...univariate import Shift
from .._assemble import assemble


def nice(
    key: Key,
    dim: int,
    *,
    cond_dim: int = 0,
    layers: int = 8,
    hidden: tuple[int, ...] = (128, 128),
    activation: Activation = "relu",
    residual: bool = False,
) -> Pushforward:
    """Additive couplings: every layer has determinant one.

    Arguments:
        key: random key for the initial weights.
        dim: elements of an event.
        cond_dim: elements of the condition, 0 for an unconditional density.
        layers: number of layers.
        hidden, activation, residual: settings of the networks; see `pushforward.networks.MLPSettings`.

    Reference:
        "NICE: Non-linear Independent Components Estimation", Dinh, Krueger, Bengio, 2014.
    """
    network = MLPSettings(hidden, activation, residual)

    def layer(key: Key) -> Coupling:
        return Coupling.mlp(key, Shift(), dim, cond_dim=cond_dim, network=network)

    return assemble(key, dim, cond_dim, layers, layer, unroll=True)
