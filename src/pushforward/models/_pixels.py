"""Settings of a fit to images: check of the pixels, augmentation, size of patches."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

import jax

from .._errors import require
from .._types import Event, Key
from ..data import Images

#: Images of 256 levels whose largest pixel is at most this probably have fewer levels.
DARK = 127
#: Image size from which the patches of a tarflow are 4 x 4.
FOUR_FROM = 16

#: A random change of an image, (key, image) -> image.
Change: TypeAlias = Callable[[Key, Event], Event]


@final
@dataclass(frozen=True)
class InTurn:
    """Several random changes of an image, one after the other."""

    changes: tuple[Change, ...]

    def __call__(self, key: Key, image: Event) -> Event:
        """Return the image after all changes."""
        for change, one in zip(self.changes, jax.random.split(key, len(self.changes)), strict=True):
            image = change(one, image)
        return image


def check_shades(images: Images) -> None:
    """Raise if all pixels are the same, and warn if there are probably fewer levels than stated.

    Raises:
        ValueError: if all pixels are the same.
    """
    largest = int(images.pixels.max())
    rule = "images of more than one shade"
    require(largest > int(images.pixels.min()), "data", rule, f"`{largest} in all pixels`")
    if images.levels > DARK >= largest:
        remedy = "if they have fewer, say so by an array `levels` in an .npz file beside them"
        text = f"no pixel is above {largest}, and there are {images.levels} levels: {remedy}."
        warnings.warn(text, UserWarning, stacklevel=3)


def augmentation(flip: bool, shift: int) -> Change | None:
    """Return a change that mirrors at random and shifts by up to `shift` pixels; None if both are off."""
    from ..train import RandomFlip, RandomShift

    changes = (*([RandomFlip()] if flip else []), *([RandomShift(shift)] if shift else []))
    return changes[0] if len(changes) == 1 else InTurn(changes) if changes else None


def patch_side(shape: tuple[int, int, int]) -> int:
    """Return a side of patches that divides the image: 4, or 2 in images that would have too few patches of side 4."""
    sides = (4, 2) if min(shape[:2]) >= FOUR_FROM else (2,)
    return next((side for side in sides if shape[0] % side == shape[1] % side == 0), 1)
