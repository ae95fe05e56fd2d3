"""Augmentations: random changes of an image that keep its kind."""

from dataclasses import dataclass
from typing import final

import jax
import jax.numpy as jnp

from ..._errors import require_count
from ..._types import Event, Key


@final
@dataclass(frozen=True)
class RandomFlip:
    """Mirror an image left to right with probability 1/2; unsuitable for digits and letters."""

    def __call__(self, key: Key, image: Event) -> Event:
        """Return the image, shape (height, width, channels), or its mirror image."""
        return jnp.where(jax.random.bernoulli(key), image[:, ::-1], image)


@final
@dataclass(frozen=True)
class RandomShift:
    """Shift an image along each axis by -`pixels` to `pixels` whole pixels, uniformly; zeros fill the edge.

    Attributes:
        pixels: the largest shift along an axis.
    """

    pixels: int = 1

    def __post_init__(self) -> None:
        """Check the number of pixels."""
        require_count("pixels", self.pixels)

    def __call__(self, key: Key, image: Event) -> Event:
        """Return the image, shape (height, width, channels), shifted."""
        most = self.pixels
        padded = jnp.pad(image, ((most, most), (most, most), (0, 0)))
        rows, columns = jax.random.randint(key, (2,), 0, 2 * most + 1)
        return jax.lax.dynamic_slice(padded, (rows, columns, 0), image.shape)
