"""Coupling of images by a convolutional network."""

from typing import Literal, TypeAlias, final, get_args

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..._errors import checked_shape, require
from ..._types import Conditions, Events, Key, Scalars
from ...networks._layers import Activation, Compute
from ...networks.conditioners._base import AbstractConditioner
from ...networks.conditioners.conv_net import ConvNet
from ...univariate._base import AbstractUnivariate
from .._base import AbstractBatchBijection

#: Which elements of an image pass through.
Mask: TypeAlias = Literal["checkerboard", "channels"]


@final
class ConvCoupling(AbstractBatchBijection):
    """Coupling of images (height, width, channels): a part passes through and sets the map of the rest.

        x_a = z_a,   x_b = u(z_b; params(z_a, condition)),   log|det| = Σ log u'

    With the mask "channels" z_a are the first half of the channels; with "checkerboard" the pixels of even row +
    column, and the network sees zeros in place of the others. `other` exchanges the two parts.

    Arguments:
        key: for the network.
        univariate: u.
        shape: (height, width, channels).
        mask: "checkerboard" or "channels".
        other: whether it is the other part that passes through.
        cond_dim: elements of the condition, 0 for none.
        width, blocks, activation, compute: see `pushforward.networks.ConvNet`.

    Raises:
        ValueError: if the shape is not that of an image, or there is one channel to divide by "channels".

    Reference:
        "Density Estimation using Real NVP", Dinh, Sohl-Dickstein, Bengio, 2017, section 3.4.
    """

    conditioner: AbstractConditioner
    univariate: AbstractUnivariate
    mask: Mask = eqx.field(static=True)
    other: bool = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        univariate: AbstractUnivariate,
        shape: tuple[int, ...],
        *,
        mask: Mask = "channels",
        other: bool = False,
        cond_dim: int = 0,
        width: int = 64,
        blocks: int = 2,
        activation: Activation = "relu",
        compute: Compute = None,
    ):
        shape = checked_shape(shape)
        require(len(shape) == 3, "shape", "(height, width, channels)", shape)
        require(mask in get_args(Mask), "mask", f"one of {get_args(Mask)}", mask)
        remedy = 'Use the mask "checkerboard", or `Squeeze` first.'
        require(mask == "checkerboard" or shape[2] > 1, "shape", "of two channels at least", shape, remedy)
        height, columns, channels = shape
        given, moved = channels, channels
        if mask == "channels":
            given, moved = channels // 2, channels - channels // 2
            given, moved = (moved, given) if other else (given, moved)
        self.conditioner = ConvNet(
            key,
            (height, columns, given),
            (height, columns, moved, univariate.num_params),
            width=width,
            blocks=blocks,
            cond_dim=cond_dim,
            activation=activation,
            compute=compute,
        )
        self.univariate = univariate
        self.mask = mask
        self.other = other
        self.shape = shape
        self.cond_shape = (cond_dim,) if cond_dim else None

    def __check_init__(self) -> None:
        """Check that the conditioner fits."""
        height, columns, channels = self.shape
        given, out = self.conditioner.in_shape[2], self.conditioner.out_shape
        moved = channels - given if self.mask == "channels" else channels
        expected = (height, columns, moved, self.univariate.num_params)
        require(out == expected, "conditioner", f"of out_shape {expected}", out)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return self._move(z, condition, inverse=False)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return self._move(x, condition, inverse=True)

    def _move(self, images: Events, condition: Conditions, *, inverse: bool) -> tuple[Events, Scalars]:
        univariate = self.univariate
        go = univariate.inverse_and_log_derivative if inverse else univariate.forward_and_log_derivative
        if self.mask == "checkerboard":
            kept = jnp.asarray(self._kept)[:, :, None, None]
            seen = jnp.where(kept, images, 0.0)
            # What passes through is masked before the map, too, so that it cannot spoil a gradient.
            moved, log_derivative = go(jnp.where(kept, 0.0, images), self.conditioner(seen, condition))
            log_derivative = jnp.where(kept, 0.0, log_derivative)
            out = jnp.where(kept, images, moved)
        else:
            at = self.shape[2] - self.conditioner.in_shape[2] if self.other else self.conditioner.in_shape[2]
            first, second = jnp.split(images, [at], axis=2)
            seen, moved = (second, first) if self.other else (first, second)
            moved, log_derivative = go(moved, self.conditioner(seen, condition))
            seen = seen.astype(moved.dtype)
            out = jnp.concatenate([moved, seen] if self.other else [seen, moved], axis=2)
        return out, log_derivative.sum(axis=(0, 1, 2))

    @property
    def _kept(self) -> np.ndarray:
        rows, columns = np.indices(self.shape[:2])
        return (rows + columns) % 2 == int(self.other)
