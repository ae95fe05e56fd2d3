"""Elementwise maps of any univariate map."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import pytest
from jax import Array

from pushforward.bijections import Elementwise
from pushforward.bijections._base import forward_batch, inverse_batch
from pushforward.univariate import AbstractUnivariate


@final
class Literal(AbstractUnivariate):
    """A translation that takes its contract at its word: parameters of the shape of z, and then their number."""

    num_params: int = eqx.field(static=True, default=1, init=False)

    def forward_and_log_derivative(self, z: Array, params: Array) -> tuple[Array, Array]:
        assert params.shape == (*z.shape, 1)
        return z + params[..., 0], jnp.zeros(z.shape)

    def inverse_and_log_derivative(self, x: Array, params: Array) -> tuple[Array, Array]:
        assert params.shape == (*x.shape, 1)
        return x - params[..., 0], jnp.zeros(x.shape)


@pytest.mark.parametrize("go", [forward_batch, inverse_batch])
def test_a_univariate_map_gets_parameters_of_the_shape_of_its_argument(go):
    events = jnp.arange(6.0).reshape((2, 3))
    value, log_det = go(Elementwise(Literal(), (2,)), events, None)
    assert (value == events).all()
    assert log_det.shape == (3,)
