"""The parts that all architectures share: checks, and the frame around the layers."""

from collections.abc import Callable

from .._errors import require_count, require_key
from .._types import Key
from ..bijections import (
    AbstractBijection,
    Chain,
    Flip,
    Regress,
    Stack,
    Standardize,
    StandardizeCondition,
    TukeyH,
    Whiten,
)
from ..distributions import Pushforward, StandardNormal
from ..numerics.keys import split_key

#: Bound of the log-scale of one affine map. Scales multiply: five layers still scale by up to exp(15), which is enough,
#: and the square of a scaled number in the tails still fits into float32.
MAX_LOG_SCALE = 3.0


def assemble(
    key: Key, dim: int, cond_dim: int, layers: int, layer: Callable[[Key], AbstractBijection], *, unroll: bool | None
) -> Pushforward:
    """Build the flow base -> (layer, reversal) x layers -> whitening -> regression -> standardization -> tails -> data.

    The order of the elements is reversed after every layer (with two elements or few layers a random order would
    often repeat), and the stack of layers is compiled once. The whitening, the regression on the condition, if there is
    one, the standardization of data and condition and the heavy tails are identities until `pushforward.fit` sets them.

    Arguments:
        key: random key, split among the layers.
        dim: elements of an event.
        cond_dim: elements of the condition, 0 for none.
        layers: number of layers.
        layer: a function that builds one layer from its key.
        unroll: whether to compile each layer separately for gradients; see `Stack`.
    """
    require_key(key)
    require_count("dim", dim)
    require_count("cond_dim", cond_dim, 0)
    require_count("layers", layers)

    parts = [Chain([Flip(dim), layer(k)]) for k in split_key(key, layers)]
    # The residual of a regression has a smaller scale, also with a single column, for which `Whiten` is a scale.
    whiten = [Whiten.unfitted(dim)] if dim > 1 or cond_dim else []
    regress = [Regress.unfitted(dim, cond_dim)] if cond_dim else []
    frame = [*whiten, *regress, Standardize.unfitted((dim,)), TukeyH.unfitted((dim,))]
    bijection: AbstractBijection = Chain([Stack(parts, unroll=unroll), *frame])
    if cond_dim:
        bijection = StandardizeCondition.unfitted(bijection)
    return Pushforward(StandardNormal((dim,)), bijection)
