"""Neural spline flow."""

from typing import Literal

from ..._errors import require, require_count
from ..._types import Key
from ...bijections import Autoregressive, Coupling
from ...distributions import Pushforward
from ...networks import Activation, MLPSettings
from ...univariate import AbstractUnivariate, Affine, Compose, RationalQuadratic
from .._assemble import MAX_LOG_SCALE, assemble

#: The default number of layers, up to so many elements and beyond.
FEW, DEEP, SHALLOW = 4, 5, 3


def nsf(
    key: Key,
    dim: int,
    *,
    cond_dim: int = 0,
    layers: int | None = None,
    hidden: tuple[int, ...] = (128, 128),
    bins: int = 8,
    bound: float = 5.0,
    affine: bool = True,
    wiring: Literal["autoregressive", "coupling"] = "autoregressive",
    activation: Activation = "relu",
    residual: bool = False,
) -> Pushforward:
    """Neural spline flow: rational-quadratic splines, autoregressive or coupling.

    Arguments:
        key: random key for the initial weights.
        dim: elements of an event.
        cond_dim: elements of the condition, 0 for an unconditional density.
        layers: number of layers; None for 5 up to four elements, where modes and edges ask for depth, and 3 beyond.
        hidden, activation, residual: settings of the networks; see `pushforward.networks.MLPSettings`.
        bins: bins of each spline.
        bound: the splines act on [-bound, bound], in standard deviations of the data; outside they are the identity.
        affine: put an affine map after each spline, with parameters from the same network. It moves the data of each
            condition into the spline's domain; a spline cannot, since it maps [-bound, bound] onto itself.
        wiring: "autoregressive" for the better density at a given depth, "coupling" for cheaper samples.

    Reference:
        "Neural Spline Flows", Durkan, Bekasov, Murray, Papamakarios, 2019.
    """
    require(wiring in ("autoregressive", "coupling"), "wiring", '"autoregressive" or "coupling"', wiring)
    spline: AbstractUnivariate = RationalQuadratic(bins, bound)
    if affine:
        spline = Compose((spline, Affine(MAX_LOG_SCALE)))
    wire = Autoregressive if wiring == "autoregressive" else Coupling
    network = MLPSettings(hidden, activation, residual)

    def layer(key: Key) -> Autoregressive | Coupling:
        return wire.mlp(key, spline, dim, cond_dim=cond_dim, network=network)

    if layers is None:
        require_count("dim", dim)
        layers = DEEP if dim <= FEW else SHALLOW
    return assemble(key, dim, cond_dim, layers, layer, unroll=True if wiring == "coupling" else None)
