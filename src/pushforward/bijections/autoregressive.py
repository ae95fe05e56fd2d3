"""Autoregressive: each element's map is set by the elements before it."""

from typing import final

import equinox as eqx
import numpy as np
from jaxtyping import Array

from .._errors import require
from .._types import Conditions, Events, Key, Scalars
from ..conditioners._base import AbstractAutoregressiveConditioner
from ..conditioners._layers import Activation
from ..conditioners.masked_mlp import MaskedMLP
from ..univariate._base import AbstractUnivariate
from ._base import AbstractBatchBijection


@final
class Autoregressive(AbstractBatchBijection):
    """Autoregressive map: x_i = u(z_i; params_i(x_<i, condition)), with i counted in the conditioner's order.

    Its Jacobian is triangular, so log|det| = Σ log u'. `inverse` (density) is one parallel pass. `forward`
    (samples) goes through the elements one by one, but on the conditioner's incremental form, so that it costs
    about one parallel pass too. `Invert` gives the inverse autoregressive map.

    Arguments:
        key: for the network.
        univariate: u.
        dim: number of elements.
        cond_dim: elements of the condition, 0 for none.
        hidden, order, activation, residual: see `pushforward.conditioners.MaskedMLP`.

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

    def __check_init__(self) -> None:
        """Check that the conditioner fits."""
        expected = (*self.shape, self.univariate.num_params)
        given = (self.conditioner.dim, self.conditioner.num_params)
        require(given == expected, "conditioner", f"of (dim, num_params) = {expected}", given)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        order = np.array(self.conditioner.order)

        def draw(params: Array, z_i: Array) -> tuple[Array, Array]:
            return self.univariate.forward_and_log_derivative(z_i, params)

        x, log_derivative = self.conditioner.run(draw, z[order], condition)
        return x[np.argsort(order)], log_derivative.sum(axis=0)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        params = self.conditioner(x, condition)
        z, log_derivative = self.univariate.inverse_and_log_derivative(x, params)
        return z, log_derivative.sum(axis=0)
