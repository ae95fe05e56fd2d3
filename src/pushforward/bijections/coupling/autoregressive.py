"""Autoregressive: the elements before an element set its map."""

from typing import final

import equinox as eqx
import numpy as np
from jaxtyping import Array

from ..._errors import require
from ..._types import Conditions, Events, Key, Scalars
from ...networks.conditioners._base import AbstractAutoregressiveConditioner
from ...networks.settings import MLPSettings
from ...univariate._base import AbstractUnivariate
from .._base import AbstractBatchBijection
from ._parts import require_parts


@final
class Autoregressive(AbstractBatchBijection):
    """Autoregressive map: x_i = u(z_i; params_i(x_<i, condition)), with i counted in the conditioner's order.

    x_i is a number or, with a conditioner over tokens, an array whose elements each have a map of their own.

    The Jacobian is triangular, so log|det| = Σ log u'. `inverse` (density) is one parallel pass. `forward`
    (samples) computes the elements one by one with the conditioner's incremental form, which costs about one parallel
    pass in all. `Invert` gives the inverse autoregressive map.

    `Autoregressive.mlp` builds the usual autoregressive map of a vector.

    Arguments:
        conditioner: the network that gives the parameters, for events of shape (dim, *token).
        univariate: u.

    Raises:
        ValueError: if the network does not give as many parameters as u takes.

    Reference:
        "Masked Autoregressive Flow for Density Estimation", Papamakarios, Pavlakou, Murray, 2017.
    """

    conditioner: AbstractAutoregressiveConditioner
    univariate: AbstractUnivariate
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, conditioner: AbstractAutoregressiveConditioner, univariate: AbstractUnivariate):
        require_parts(conditioner, AbstractAutoregressiveConditioner, univariate)
        self.conditioner = conditioner
        self.univariate = univariate
        self.shape = (conditioner.dim, *conditioner.token)
        self.cond_shape = (conditioner.cond_dim,) if conditioner.cond_dim else None

    @classmethod
    def mlp(
        cls,
        key: Key,
        univariate: AbstractUnivariate,
        dim: int,
        *,
        cond_dim: int = 0,
        order: tuple[int, ...] | None = None,
        network: MLPSettings = MLPSettings(),
    ) -> "Autoregressive":
        """Return an autoregressive map of a vector, with a masked multilayer perceptron as its network.

        Arguments:
            key: for the network.
            univariate: u.
            dim: number of elements.
            cond_dim: elements of the condition, 0 for none.
            order: the element that each step generates; 0, 1, ..., dim - 1 by default.
            network: how the network is built.
        """
        return cls(network.build_masked(key, dim, univariate.num_params, cond_dim, order), univariate)

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
