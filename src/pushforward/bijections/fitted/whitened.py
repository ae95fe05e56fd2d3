"""An autoregressive map of whitened elements, by a network that reads the elements themselves."""

from typing import NamedTuple, final

import equinox as eqx
import jax.numpy as jnp
from jax.lax import dynamic_index_in_dim, dynamic_update_index_in_dim
from jaxtyping import Array, Int

from ..._errors import require
from ..._types import Condition, Conditions, Events, Scalars
from ...networks.conditioners._base import AbstractAutoregressiveConditioner, State
from ...numerics.products import precision
from .._base import AbstractBatchBijection, forward_batch, inverse_batch
from .._fitted import AbstractData, AbstractFitted
from ..coupling.autoregressive import Autoregressive
from ..coupling.jacobi import Jacobi
from .whiten import Whiten


@final
class Whitened(AbstractFitted, AbstractBatchBijection):
    """Autoregressive map around a whitening: x = L w, w_i = u(z_i; params_i(x_<i, condition)).

    It has the form of `Whiten` after `Autoregressive`, but the network reads x, and not the whitened w. Where an
    element depends on few others, its parameters then depend on few inputs of the network. In w they would depend on
    many, since each w_i is a combination of all elements up to i.

    log|det| = Σ log u' + Σ log L_ii. As in `Autoregressive`, `inverse` (density) is one parallel pass, and `forward`
    (samples) computes the elements one by one.

    Arguments:
        autoregressive: the map of vectors, whose conditioner takes the elements in their natural order; or such a map
            with `Jacobi` around it.
        whiten: x = L w. `pushforward.fit` sets it once, where its `fitted` is False.

    Raises:
        ValueError: if the shapes of the two differ, or the order is another.
    """

    autoregressive: Autoregressive | Jacobi
    whiten: Whiten
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)
    fitted: bool = eqx.field(static=True)

    def __init__(self, autoregressive: Autoregressive | Jacobi, whiten: Whiten):
        shape, order = autoregressive.shape, _inner(autoregressive).conditioner.order
        require(len(shape) == 1, "autoregressive", "a map of vectors", f"`events of shape {shape}`")
        require(order == tuple(range(shape[0])), "autoregressive", "of the natural order 0, 1, ...", order)
        require(whiten.shape == shape, "whiten", f"of shape {shape}, as `autoregressive` is", whiten.shape)
        self.autoregressive = autoregressive
        self.whiten = whiten
        self.shape = shape
        self.fitted = whiten.fitted
        self.cond_shape = autoregressive.cond_shape

    def fit_to(self, data: AbstractData) -> "Whitened | Autoregressive | Jacobi":
        """Return the map with the whitening of the data, or alone where they are not whitened; see `Whiten.fit_to`."""
        whiten = self.whiten.fit_to(data)
        return Whitened(self.autoregressive, whiten) if isinstance(whiten, Whiten) else self.autoregressive

    def inverted(self) -> "Whitened":
        """Return the map with the inverse of the whitening, for a network that is not yet trained."""
        return Whitened(self.autoregressive, self.whiten.inverted())

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        if not self.fitted:
            return forward_batch(self.autoregressive, z, condition)
        inner = _inner(self.autoregressive)
        if isinstance(self.autoregressive, Jacobi):
            return self.autoregressive._solve(lambda x: self._whole(*inner._forward_at(x, z, condition)), z)
        reader = _Reader(inner.conditioner, self.whiten.matrix)
        return self._whole(*forward_batch(Autoregressive(reader, inner.univariate), z, condition))

    def _whole(self, w: Events, log_det: Scalars) -> tuple[Events, Scalars]:
        x, of_whiten = forward_batch(self.whiten, w, None)
        return x, log_det + of_whiten

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        w, of_whiten = inverse_batch(self.whiten, x, None)
        inner = _inner(self.autoregressive)
        z, log_derivative = inner.univariate.inverse_and_log_derivative(w, inner.conditioner(x, condition))
        return z, log_derivative.sum(axis=0) + of_whiten


def _inner(map: Autoregressive | Jacobi) -> Autoregressive:
    return map.bijection if isinstance(map, Jacobi) else map


class _Read(NamedTuple):
    """The state of the network, and the whitened elements so far (zero if unknown)."""

    state: State
    whitened: Array


@final
class _Reader(AbstractAutoregressiveConditioner):
    """The network of x = L w as a network of w: it computes each element of x as soon as that of w is known."""

    conditioner: AbstractAutoregressiveConditioner
    matrix: Array
    dim: int = eqx.field(static=True)
    token: tuple[int, ...] = eqx.field(static=True)
    num_params: int = eqx.field(static=True)
    cond_dim: int = eqx.field(static=True)
    order: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, conditioner: AbstractAutoregressiveConditioner, matrix: Array):
        self.conditioner = conditioner
        self.matrix = matrix
        self.dim = conditioner.dim
        self.token = conditioner.token
        self.num_params = conditioner.num_params
        self.cond_dim = conditioner.cond_dim
        self.order = conditioner.order

    @property
    def block(self) -> int:
        return self.conditioner.block

    def __call__(self, x: Array, condition: Condition = None) -> Array:
        return self.conditioner(jnp.tensordot(self.matrix, x, 1, precision=precision()), condition)

    def start(self, condition: Condition = None, batch: tuple[int, ...] = ()) -> _Read:
        dtype = jnp.result_type(self.matrix)
        return _Read(self.conditioner.start(condition, batch), jnp.zeros((self.dim, *batch), dtype))

    def enter(self, known: _Read, number: int | Int[Array, ""]) -> _Read:
        return known._replace(state=self.conditioner.enter(known.state, number))

    def params_at(self, block: _Read, i: int | Int[Array, ""]) -> tuple[Array, _Read]:
        params, state = self.conditioner.params_at(block.state, i)
        return params, block._replace(state=state)

    def advance(self, block: _Read, i: int | Int[Array, ""], x_i: Array) -> _Read:
        whitened = dynamic_update_index_in_dim(block.whitened, x_i.astype(block.whitened.dtype), i, 0)
        row = dynamic_index_in_dim(self.matrix, i, 0, keepdims=False)
        read = jnp.tensordot(row, whitened, 1, precision=precision())
        return _Read(self.conditioner.advance(block.state, i, read), whitened)

    def leave(self, block: _Read) -> _Read:
        return block._replace(state=self.conditioner.leave(block.state))
