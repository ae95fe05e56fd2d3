"""Classes of images as conditions of a flow: a one in the column of the class."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._errors import bad, require
from ..data import Images


def classes_to_learn(images: Images, labels: bool) -> tuple[str, ...]:
    """Return the names of the classes to condition on; empty unless `labels`.

    Raises:
        ValueError: if there are fewer than two classes.
    """
    if not labels:
        if images.labels is not None:
            warnings.warn("the labels are not used; --labels conditions on them.", UserWarning, stacklevel=3)
        return ()
    remedy = "Sort the files into a folder for each class, or give an .npz file `labels`."
    found = f"`{len(images.classes) or 'no'} classes`"
    require(images.labels is not None, "labels", "left out for images without labels", found, remedy)
    require(len(images.classes) > 1, "labels", "left out for images of one class", found)
    return images.classes


def classes_of_file(metadata: Mapping[str, Any], dim: int) -> tuple[str, ...]:
    """Return the names of `dim` classes that were saved with a flow; 0, 1, ... if none were saved.

    Raises:
        ValueError: if their number is not `dim`.
    """
    classes = metadata.get("classes", [str(i) for i in range(dim)])
    if not isinstance(classes, list) or len(classes) != dim or not all(isinstance(name, str) for name in classes):
        remedy = 'Save it with `pf.save(path, flow, {"classes": [...]})`.'
        raise bad("model", f"saved with the names of {dim} classes", classes, remedy)
    return tuple(classes)


def one_hot(labels: Int[np.ndarray, " n"], classes: int) -> Float[np.ndarray, "n classes"]:
    """Return the one-hot encoding of labels: a one in the column of each label, zeros elsewhere."""
    return np.eye(classes, dtype=np.float32)[labels]


def conditions_of_images(classes: Sequence[str], images: Images, labels: bool) -> Float[np.ndarray, "n classes"] | None:
    """Return the conditions of images; zeros for images without classes, None for a flow without classes.

    Arguments:
        classes: the classes of the flow, in its order.
        images: images whose classes may be in another order.
        labels: whether to use the classes of the images.

    Raises:
        ValueError: if a class is unknown.
    """
    if not classes:
        return None
    if images.labels is None or not labels:
        if labels:
            text = "the images have no classes: the model takes them as those of a class that is not known."
            warnings.warn(text, UserWarning, stacklevel=3)
        return np.zeros((len(images), len(classes)), np.float32)
    unknown = [name for name in images.classes if name not in classes]
    remedy = "--no-labels takes them without their classes."
    require(not unknown, "data", f"images of the classes {', '.join(classes)}", ", ".join(unknown), remedy)
    places = np.asarray([classes.index(name) for name in images.classes])
    return one_hot(places[images.labels], len(classes))


def conditions_of_label(classes: Sequence[str], label: str | None, n: int) -> Float[np.ndarray, "n classes"] | None:
    """Return the conditions of n images of one class, or of each class in turn.

    Raises:
        ValueError: if there is no such class.
    """
    if not classes:
        remedy = "Fit one with --labels."
        require(label is None, "label", "left out for a model without classes", label, remedy)
        return None
    if label is None:
        return one_hot(np.arange(n) % len(classes), len(classes))
    require(label in classes, "label", f"one of the classes {', '.join(classes)}", label)
    return one_hot(np.full(n, classes.index(label)), len(classes))
