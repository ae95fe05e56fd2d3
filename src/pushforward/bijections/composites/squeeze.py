"""Space to depth: an image as a smaller image with more channels."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax.numpy as jnp

from ..._errors import require, require_count
from ..._types import Conditions, Events, Scalars
from .._base import AbstractBijection, AbstractComposite, Part, forward_batch, inverse_batch


@final
class Squeeze(AbstractComposite):
    """A bijection applied to smaller images with more channels: each square of pixels becomes one pixel on the way in.

    An event (k h, k w, c) enters the bijection as an image (h, w, k² c). The channels of its pixel (i, j) are, row by
    row, the pixels (k i, k j), ..., (k i + k - 1, k j + k - 1) of the event. The log-determinant is the bijection's.

    Arguments:
        bijection: of images (h, w, k² c).
        factor: k, the side of a square.

    Raises:
        ValueError: if the bijection is not of images, or their number of channels is no multiple of k².

    Reference:
        "Density Estimation using Real NVP", Dinh, Sohl-Dickstein, Bengio, 2017, section 3.6.
    """

    bijection: AbstractBijection
    factor: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, bijection: AbstractBijection, factor: int = 2):
        factor = require_count("factor", factor)
        inner = bijection.shape
        fits = len(inner) == 3 and inner[2] % factor**2 == 0
        require(fits, "bijection", f"of images (height, width, a multiple of {factor**2} channels)", inner)
        self.bijection = bijection
        self.factor = factor
        self.shape = (inner[0] * factor, inner[1] * factor, inner[2] // factor**2)
        self.cond_shape = bijection.cond_shape

    def parts(self) -> tuple[Part, ...]:
        """Return the map, which sees the squeezed image."""
        return (Part("bijection", self.bijection, take=self._squeezed, put=lambda _, image: self._spread(image)),)

    def rebuild(self, bijections: Sequence[AbstractBijection]) -> "Squeeze":
        """Return the one map in `bijections`, applied to squeezed images."""
        (bijection,) = bijections
        return Squeeze(bijection, self.factor)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        x, log_det = forward_batch(self.bijection, self._squeezed(z), condition)
        return self._spread(x), log_det

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        z, log_det = inverse_batch(self.bijection, self._squeezed(x), condition)
        return self._spread(z), log_det

    def _squeezed(self, image: Events) -> Events:
        """Return the images (k h, k w, c, n) as the bijection sees them, (h, w, k² c, n)."""
        (h, w, _), k = self.bijection.shape, self.factor
        squares = image.reshape((h, k, w, k, self.shape[2], -1))
        return jnp.transpose(squares, (0, 2, 1, 3, 4, 5)).reshape((*self.bijection.shape, -1))

    def _spread(self, image: Events) -> Events:
        """Return images (h, w, k² c, n) of the bijection as images (k h, k w, c, n): the inverse of `_squeezed`."""
        (h, w, _), k = self.bijection.shape, self.factor
        squares = image.reshape((h, w, k, k, self.shape[2], -1))
        return jnp.transpose(squares, (0, 2, 1, 3, 4, 5)).reshape((*self.shape, -1))
