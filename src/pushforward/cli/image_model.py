"""A fitted model of images: their size, their levels, the names of their classes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from .._errors import bad, require
from ..data import Images, read_images
from ..data.pictures.images import LEVELS, size_of
from ..data.pictures.read_images import holds_images
from ..distributions import Pushforward
from .console import note


@final
@dataclass(frozen=True)
class ImageModel:
    """A flow on images, and what its pixels and its condition mean.

    Attributes:
        flow: the density of pixels to which noise in [0, 1) is added, given a class if there are any.
        levels: how many values a pixel has.
        classes: the names of the classes, in the order of the flow's condition; () if it has none.
        about: what `fit` noted in the file; {} for a model that `pushforward.save` wrote without.
    """

    flow: Pushforward
    levels: int
    classes: tuple[str, ...]
    about: dict[str, Any]

    def read(self, path: Path, labels: bool) -> tuple[Images, np.ndarray | None]:
        """Read images that are like those of the model, and their conditions, if the model has any.

        Arguments:
            path: a folder or a file.
            labels: whether the classes of the images count, or none is taken as known.

        Raises:
            ValueError: if there is no image, or if they are of another size, or of more levels or other classes.
        """
        remedy = "A table needs a model that was fitted to a table."
        rule = f"images, as MODEL is of images of {size_of(self.flow.shape)}"
        require(holds_images(path) or not path.exists(), "DATA", rule, f"`{path}`", remedy)
        images = read_images(path)
        rule = f"images of {size_of(self.flow.shape)} (height × width × channels), as those of MODEL"
        require(images.shape == self.flow.shape, "DATA", rule, f"`{size_of(images.shape)}` in {path}")
        largest = int(images.pixels.max())
        rule = f"images of pixels from 0 to {self.levels - 1}, as those of MODEL"
        require(largest < self.levels, "DATA", rule, f"`a pixel of {largest}` in {path}")
        if images.levels > self.levels:
            note(f"pixels in {path} are taken for the first of {self.levels} levels, those of the model.")
        return images, self._condition(images, labels)

    def _condition(self, images: Images, labels: bool) -> np.ndarray | None:
        """Return the conditions of images, a one in the column of the class; zeros for images without classes."""
        if not self.classes:
            return None
        if images.labels is None or not labels:
            if labels:
                note("the images have no classes: the model takes them as those of a class that is not known.")
            return np.zeros((len(images.pixels), len(self.classes)), np.float32)
        unknown = [name for name in images.classes if name not in self.classes]
        rule = f"images of the classes {', '.join(self.classes)}"
        remedy = "--no-labels takes them without their classes."
        require(not unknown, "DATA", rule, ", ".join(unknown), remedy)
        places = np.asarray([self.classes.index(name) for name in images.classes])
        return one_hot(places[images.labels], len(self.classes))

    def condition_of(self, label: str | None, n: int) -> np.ndarray | None:
        """Return the conditions of n images of one class, or of each class in turn.

        Raises:
            ValueError: if there is no such class.
        """
        if not self.classes:
            remedy = "Fit one with --labels."
            require(label is None, "--label", "left out for a model without classes", label, remedy)
            return None
        if label is None:
            return one_hot(np.arange(n) % len(self.classes), len(self.classes))
        require(label in self.classes, "--label", f"one of the classes {', '.join(self.classes)}", label)
        return one_hot(np.full(n, self.classes.index(label)), len(self.classes))


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return shape (n, classes): a one in the column of each label, zeros elsewhere."""
    return np.eye(classes, dtype=np.float32)[labels]


def open_images(flow: Pushforward, about: dict[str, Any]) -> ImageModel:
    """Put a flow together with what was saved beside it; 256 levels and classes 0, 1, ... where nothing was.

    Raises:
        ValueError: if that does not fit the flow.
    """
    dim = (flow.cond_shape or (0,))[0]
    levels, classes = about.get("levels", LEVELS), about.get("classes", [str(i) for i in range(dim)])
    ok = isinstance(levels, int) and 2 <= levels <= LEVELS
    require(ok, "MODEL", f"saved with levels from 2 to {LEVELS}", levels)
    if not isinstance(classes, list) or len(classes) != dim or not all(isinstance(name, str) for name in classes):
        remedy = 'Save it with `pf.save(path, flow, {"classes": [...]})`.'
        raise bad("MODEL", f"saved with the names of {dim} classes", classes, remedy)
    return ImageModel(flow, levels, tuple(classes), about)
