"""Autoregressive: each element's map is set by the elements before it."""

from typing import final

import equinox as eqx
import numpy as np
from jaxtyping import Array

from ..._errors import require
from ..._types import Conditions, Events, Key, Scalars
from ...networks._layers import Activation
from ...networks.conditioners._base import AbstractAutoregressiveConditioner
from ...networks.conditioners.masked_mlp import MaskedMLP
from ...univariate._base import AbstractUnivariate
from .._base import AbstractBatchBijection


@final
class Autoregressive(AbstractBatchBijection):
    """Autoregressive map: x_i = u(z_i; params_i(x_<i, condition)), with i counted in the conditioner's order.

    x_i is a number or, with a conditioner over tokens, an array of which each element has a map of its own.

    Its Jacobian is triangular, so log|det| = Σ log u'. `inverse` (density) is one parallel pass. `forward`
    (samples) goes through the elements one by one, but on the conditioner's incremental form, so that it costs
    about one parallel pass too. `Invert` gives the inverse autoregressive map.

    Arguments:
        key: for the network.
        univariate: u.
        dim: number of elements.
        cond_dim: elements of the condition, 0 for none.
        hidden, order, activation, residual: see `pushforward.networks.MaskedMLP`.

    Reference:
        "Masked Autoregressive Flow for Density Estimation", Papamakarios, Pavlakou, Murray, 2017.
    """

    conditioner: AbstractAutoregressiveConditioner
    univariate: AbstractUnivariate
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        univariate: AbstractUnivariate,
        dim: int,
        *,
        cond_dim: int = 0,
        hidden: tuple[int, ...] = (128, 128),
        order: tuple[int, ...] | None = None,
        activation: Activation = "relu",
        residual: bool = False,
    ):
        self.conditioner = MaskedMLP(
            key,
            dim,
            univariate.num_params,
            hidden=hidden,
            cond_dim=cond_dim,
            order=order,
            activation=activation,
            residual=residual,
        )
        self.univariate = univariate
        self.shape = (dim,)
        self.cond_shape = (cond_dim,) if cond_dim else None

    @classmethod
    def of(cls, conditioner: AbstractAutoregressiveConditioner, univariate: AbstractUnivariate) -> "Autoregressive":
        """Return the map of a network that there is, over events of shape (dim, *token)."""
        made = object.__new__(cls)
        cond_shape = (conditioner.cond_dim,) if conditioner.cond_dim else None
        fields = {"shape": (conditioner.dim, *conditioner.token), "cond_shape": cond_shape}
        for name, value in {"conditioner": conditioner, "univariate": univariate, **fields}.items():
            object.__setattr__(made, name, value)
        made.__check_init__()
        return made

    def __check_init__(self) -> None:
        """Check that the conditioner fits."""
        expected = (*self.shape, self.univariate.num_params)
        given = (self.conditioner.dim, *self.conditioner.token, self.conditioner.num_params)
        require(given == expected, "conditioner", f"of (dim, *token, num_params) = {expected}", given)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        order = np.array(self.conditioner.order)

        def draw(params: Array, z_i: Array) -> tuple[Array, Array]:
            return self.univariate.forward_and_log_derivative(z_i, params)

        x, log_derivative = self.conditioner.run(draw, z[order], condition)
        return x[np.argsort(order)], _sum(log_derivative)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        params = self.conditioner(x, condition)
        z, log_derivative = self.univariate.inverse_and_log_derivative(x, params)
        return z, _sum(log_derivative)


def _sum(log_derivative: Array) -> Scalars:
    return log_derivative.sum(axis=tuple(range(log_derivative.ndim - 1)))
