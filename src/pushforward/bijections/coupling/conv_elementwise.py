"""Elementwise maps of an image that another image sets."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from ..._errors import checked_shape, require
from ..._types import Conditions, Events, Key, Scalars
from ...networks._layers import Activation, Compute
from ...networks.conditioners._base import AbstractConditioner
from ...networks.conditioners.conv_net import ConvNet
from ...univariate._base import AbstractUnivariate
from .._base import AbstractBatchBijection


@final
class ConvElementwise(AbstractBatchBijection):
    """One univariate map per element of an image, with parameters that a network reads off the condition, an image too.

        f(z)_i = u(z_i; params_i(condition)),   log|det| = Σ log u'

    Arguments:
        key: for the network.
        univariate: u.
        shape: (height, width, channels) of the event.
        cond_channels: channels of the condition, an image of the same height and width.
        width, blocks, activation, compute: see `pushforward.networks.ConvNet`.

    Raises:
        ValueError: if the shape is not that of an image.
    """

    conditioner: AbstractConditioner
    univariate: AbstractUnivariate
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        univariate: AbstractUnivariate,
        shape: tuple[int, ...],
        cond_channels: int,
        *,
        width: int = 32,
        blocks: int = 1,
        activation: Activation = "relu",
        compute: Compute = None,
    ):
        shape = checked_shape(shape)
        require(len(shape) == 3, "shape", "(height, width, channels)", shape)
        height, columns, channels = shape
        self.conditioner = ConvNet(
            key,
            (height, columns, cond_channels),
            (height, columns, channels, univariate.num_params),
            width=width,
            blocks=blocks,
            activation=activation,
            compute=compute,
        )
        self.univariate = univariate
        self.shape = shape
        self.cond_shape = (height, columns, cond_channels)

    def __check_init__(self) -> None:
        """Check that the conditioner fits."""
        expected = (*self.shape, self.univariate.num_params)
        require(self.conditioner.out_shape == expected, "conditioner", f"of out_shape {expected}", self.conditioner)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        x, log_derivative = self.univariate.forward_and_log_derivative(z, self.conditioner(jnp.asarray(condition)))
        return x, log_derivative.sum(axis=(0, 1, 2))

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        z, log_derivative = self.univariate.inverse_and_log_derivative(x, self.conditioner(jnp.asarray(condition)))
        return z, log_derivative.sum(axis=(0, 1, 2))
