"""A scale and a shift for each channel, set from a sample of the data and then trained."""

import math
from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._errors import checked_shape, require
from ..._types import ArrayLike, Conditions, Events, Scalars
from .._base import AbstractBatchBijection
from .._fitted import AbstractData, AbstractFitted
from .standardize import checked_loc_scale

#: The smallest standard deviation that is scaled to one; a channel with a smaller one keeps its scale.
MIN_SCALE = 1e-3


@final
class ActNorm(AbstractBatchBijection, AbstractFitted):
    """Activation normalization: x = exp(s) z + t with s and t for each channel, the last axis of an event.

        log|det df/dz| = (elements of an event / channels) Σ s

    It starts at the identity. Where `fitted` is False, `pushforward.fit` first sets s and t so that z has mean 0 and
    variance 1 in each channel on a sample of the training events, and then trains them;
    `pushforward.train.initialize` only sets them.

    Arguments:
        shape: of one event, with at least one axis.

    Raises:
        ValueError: if the shape has no axis.

    Reference:
        "Glow: Generative Flow with Invertible 1x1 Convolutions", Kingma, Dhariwal, 2018, section 3.1.
    """

    log_scale: Float[Array, "*layers channels"]
    shift: Float[Array, "*layers channels"]
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)
    fitted: bool = eqx.field(static=True)

    def __init__(self, shape: tuple[int, ...], loc: ArrayLike = 0.0, scale: ArrayLike = 1.0, *, fitted: bool = False):
        self.shape = checked_shape(shape)
        require(len(self.shape) > 0, "shape", "of one axis at least", shape)
        channels = self.shape[-1:]
        loc, scale = (jnp.broadcast_to(jnp.asarray(a, float), channels) for a in (loc, scale))
        self.shift, scale = checked_loc_scale(loc, scale)
        self.log_scale = jnp.log(scale)
        self.cond_shape = None
        self.fitted = fitted

    def fit_to(self, data: AbstractData) -> "ActNorm":
        """Return the map with mean and standard deviation of each channel; a sample suffices as a start of training.

        Reference:
            "Glow: Generative Flow with Invertible 1x1 Convolutions", Kingma, Dhariwal, 2018, section 3.1.
        """
        events, _ = data.sample()
        axes = (*range(events.ndim - 2), events.ndim - 1)
        loc, scale = np.asarray(events.mean(axes)), np.asarray(events.std(axes))
        return ActNorm(self.shape, loc, np.where(scale > MIN_SCALE, scale, 1.0), fitted=True)

    def inverted(self) -> "ActNorm":
        """Return z = exp(-s) (x - t) as a normalization."""
        scale = jnp.exp(-self.log_scale)
        return ActNorm(self.shape, -self.shift * scale, scale, fitted=self.fitted)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        x = z * jnp.exp(self.log_scale)[:, None] + self.shift[:, None]
        return x, jnp.full(z.shape[-1:], self._log_det, x.dtype)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        z = (x - self.shift[:, None]) * jnp.exp(-self.log_scale)[:, None]
        return z, jnp.full(x.shape[-1:], -self._log_det, z.dtype)

    @property
    def _log_det(self) -> Float[Array, ""]:
        return math.prod(self.shape[:-1]) * self.log_scale.sum()
