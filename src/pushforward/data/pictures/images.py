"""Images in memory: pixels, labels and names."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Int, UInt8

from ..._errors import require

#: Number of values of a pixel of eight bits.
LEVELS = 256


@final
@dataclass(frozen=True)
class Images:
    """Images of one size.

    Attributes:
        pixels: shape (n, height, width, channels), whole numbers from 0 to levels - 1.
        labels: shape (n,), the index of each image's class in `classes`; None if there are no classes.
        names: the file of each image; () if one file holds all images, or none does.
        classes: the names of the classes.
        levels: number of values of a pixel.
    """

    pixels: UInt8[np.ndarray, "n height width channels"]
    labels: Int[np.ndarray, " _"] | None = None
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    levels: int = LEVELS

    def __post_init__(self) -> None:
        """Check that the fields belong together."""
        n = self.pixels.shape[0]
        rule = "at least one image, and in each at least one pixel"
        require(self.pixels.size > 0, "pixels", f"{rule}", f"`shape {self.pixels.shape}`")
        require_levels(self.levels)
        largest = int(self.pixels.max())
        require(largest < self.levels, "pixels", f"from 0 to levels - 1 = {self.levels - 1}", f"`{largest}`")
        require(len(self.names) in (0, n), "names", f"{n} names, one for each image", f"`{len(self.names)}`")
        if self.labels is None:
            return
        require(self.labels.shape == (n,), "labels", f"{n}, one for each image", f"`shape {self.labels.shape}`")
        ok = bool(self.labels.min() >= 0 and self.labels.max() < len(self.classes))
        value = f"`{self.labels.min()} to {self.labels.max()}`"
        require(ok, "labels", f"places in the {len(self.classes)} classes", value)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of each image."""
        _, height, width, channels = self.pixels.shape
        return height, width, channels

    def __len__(self) -> int:
        """Return the number of images."""
        return self.pixels.shape[0]

    def report(self) -> str:
        """Return one sentence that describes the images."""
        count, n = self.pixels.shape[0], len(self.classes)
        classes = "" if self.labels is None else f", in {n} class{'' if n == 1 else 'es'}"
        return f"{count:,} image{'' if count == 1 else 's'} of {size_of(self.shape)}, {self.levels} levels{classes}."


def size_of(shape: tuple[int, ...]) -> str:
    """Return "height × width × channels"."""
    return " × ".join(map(str, shape))


def require_levels(levels: int) -> None:
    """Raise a ValueError unless `levels` values of a pixel fit into eight bits."""
    require(2 <= levels <= LEVELS, "levels", f"an integer from 2 to {LEVELS}", levels)
