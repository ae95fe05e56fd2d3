"""A univariate map in each element."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from ..._errors import bad, checked_shape, require
from ..._types import Conditions, Events, Scalars
from ...networks.conditioners._base import AbstractConditioner
from ...univariate._base import AbstractUnivariate
from .._base import AbstractBatchBijection


@final
class Elementwise(AbstractBatchBijection):
    """One univariate map per element; its parameters are learned, or a network computes them from the condition.

        f(z)_i = u(z_i; params_i)   or   f(z)_i = u(z_i; params_i(condition)),   log|det| = Σ log u'

    It starts at the identity.

    Arguments:
        univariate: u.
        shape: the shape of one event.
        conditioner: a network that takes the condition as its x, with in_shape `cond_shape` and out_shape
            (*shape, parameters of u); None for parameters that do not depend on the condition.

    Raises:
        ValueError: if the network does not fit.
    """

    params: Array | None
    conditioner: AbstractConditioner | None
    univariate: AbstractUnivariate
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(
        self, univariate: AbstractUnivariate, shape: tuple[int, ...], conditioner: AbstractConditioner | None = None
    ):
        self.univariate = univariate
        self.shape = checked_shape(shape)
        self.conditioner = conditioner
        self.params = jnp.zeros((*self.shape, univariate.num_params)) if conditioner is None else None
        self.cond_shape = None if conditioner is None else conditioner.in_shape

    def __check_init__(self) -> None:
        """Check that the conditioner fits."""
        if self.conditioner is not None:
            expected, given = (*self.shape, self.univariate.num_params), self.conditioner.out_shape
            require(given == expected, "conditioner", f"of out_shape {expected}", given)
            if self.conditioner.cond_dim:
                raise bad("conditioner", "of the condition alone", f"`cond_dim {self.conditioner.cond_dim}`")

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        x, log_derivative = self.univariate.forward_and_log_derivative(z, self._params(condition))
        return x, self._sum(log_derivative, x)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        z, log_derivative = self.univariate.inverse_and_log_derivative(x, self._params(condition))
        return z, self._sum(log_derivative, z)

    def _params(self, condition: Conditions) -> Array:
        if self.conditioner is not None:
            return self.conditioner(jnp.asarray(condition))
        # The same for all of the batch, the last axis of events.
        return jnp.expand_dims(jnp.asarray(self.params), -2)

    def _sum(self, log_derivative: Array, events: Events) -> Scalars:
        return jnp.broadcast_to(log_derivative, events.shape).sum(axis=tuple(range(len(self.shape))))
