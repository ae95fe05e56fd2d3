"""A univariate map with learned parameters in each element."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._errors import checked_shape
from ..._types import Condition, Event, Scalar
from ...univariate._base import AbstractUnivariate
from .._base import AbstractBijection


@final
class Elementwise(AbstractBijection):
    """One univariate map per element, f(z)_i = u(z_i; params_i); starts at the identity.

    Arguments:
        univariate: u.
        shape: the shape of one event.
    """

    params: Float[Array, "..."]
    univariate: AbstractUnivariate
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, univariate: AbstractUnivariate, shape: tuple[int, ...]):
        self.univariate = univariate
        self.shape = checked_shape(shape)
        self.cond_shape = None
        self.params = jnp.zeros((*self.shape, univariate.num_params))

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        x, log_derivative = self.univariate.forward_and_log_derivative(z, self.params)
        return x, log_derivative.sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        z, log_derivative = self.univariate.inverse_and_log_derivative(x, self.params)
        return z, log_derivative.sum()
