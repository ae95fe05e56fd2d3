"""Inverse autoregressive flow."""

from ..._types import Key
from ...bijections import Autoregressive, Invert
from ...distributions import Pushforward
from ...networks import Activation, MLPSettings
from ...univariate import Affine
from .._assemble import MAX_LOG_SCALE, assemble


def iaf(
    key: Key,
    dim: int,
    *,
    cond_dim: int = 0,
    layers: int = 5,
    hidden: tuple[int, ...] = (128, 128),
    activation: Activation = "relu",
    residual: bool = False,
) -> Pushforward:
    """Inverse autoregressive flow: affine maps with parameters from the base's elements; samples in one pass per layer.

    The density of a given point is computed element by element, the density of the flow's own samples in one pass. Use
    `iaf` to fit a log-density, and `maf` to fit data.

    Arguments:
        key: random key for the initial weights.
        dim: elements of an event.
        cond_dim: elements of the condition, 0 for an unconditional density.
        layers: number of layers.
        hidden, activation, residual: settings of the networks; see `pushforward.networks.MLPSettings`.

    Reference:
        "Improved Variational Inference with Inverse Autoregressive Flow", Kingma, Salimans, Jozefowicz, Chen,
        Sutskever, Welling, 2016.
    """

    affine = Affine(MAX_LOG_SCALE)
    network = MLPSettings(hidden, activation, residual)

    def layer(key: Key) -> Invert:
        return Invert(Autoregressive.mlp(key, affine, dim, cond_dim=cond_dim, network=network))

    return assemble(key, dim, cond_dim, layers, layer, unroll=None)
