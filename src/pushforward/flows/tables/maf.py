"""Masked autoregressive flow."""

from ..._types import Key
from ...bijections import Autoregressive
from ...distributions import Pushforward
from ...networks import Activation
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
    """Masked autoregressive flow: affine maps set by the elements before; density in one pass per layer.

    Arguments:
        key: for the initial weights.
        dim: elements of an event.
        cond_dim: elements of the condition, 0 for an unconditional density.
        layers: number of layers.
        hidden: width of each hidden layer of each network.
        activation: of the networks: "relu", "gelu", "silu" or "tanh".
        residual: add its input to each hidden layer that is as wide as the one before it.

    Reference:
        "Masked Autoregressive Flow for Density Estimation", Papamakarios, Pavlakou, Murray, 2017.
    """

    affine = Affine(MAX_LOG_SCALE)

    def layer(key: Key) -> Autoregressive:
        return Autoregressive(
            key, affine, dim, cond_dim=cond_dim, hidden=hidden, activation=activation, residual=residual
        )

    return assemble(key, dim, cond_dim, layers, layer, unroll=True)
