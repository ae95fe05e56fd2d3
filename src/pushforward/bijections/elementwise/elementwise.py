"""A univariate map in each element."""

from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..._errors import bad, checked_shape, require
from ..._types import Conditions, Event, Events, Scalar, Scalars
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
        return self._map(self.univariate.forward_and_log_derivative, z, condition)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return self._map(self.univariate.inverse_and_log_derivative, x, condition)

    def _map(
        self, u: Callable[[Array, Array], tuple[Array, Array]], events: Events, condition: Conditions
    ) -> tuple[Events, Scalars]:
        if self.conditioner is not None:
            mapped, log_derivative = u(events, self.conditioner(jnp.asarray(condition)))
            return mapped, log_derivative.sum(axis=tuple(range(len(self.shape))))
        params = jnp.asarray(self.params)

        def one(event: Event) -> tuple[Event, Scalar]:
            mapped, log_derivative = u(event, params)
            return mapped, log_derivative.sum()

        # One event at a time, so that what depends on the parameters only is computed once for all of the batch.
        return jax.vmap(one, in_axes=-1, out_axes=-1)(events)
