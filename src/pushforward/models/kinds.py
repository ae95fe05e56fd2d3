"""Find the kind of model for some data, or for a file."""

from typing import Any

from .._errors import bad
from ..io import load as load_flow
from ..io import read_metadata
from ._base import AbstractModel, Path


def kind_of(path: Path, flow: str | None = None) -> type[AbstractModel[Any]]:
    """Return the class of models for the data in `path`.

    Arguments:
        path: a file or a folder that `pushforward.data.read_frame` or `read_images` accepts.
        flow: name of an architecture; None for the default of the data.
    """
    for kind in AbstractModel.__subclasses__():
        if kind.holds(path, flow):
            return kind
    raise bad("data", f"one of {', '.join(kind.of for kind in AbstractModel.__subclasses__())}", str(path))


def load(path: Path) -> AbstractModel[Any]:
    """Load a model with its names and the record of its fit.

    Files of `pushforward fit` and of `model.save` hold names and record. Files of `pushforward.save` hold the names
    passed to it, {"columns": [...], "given": [...]}; without names, the columns are called x0, x1, ....

    Arguments:
        path: a model file.

    Returns:
        A `TableModel`, a `VectorModel` or an `ImageModel`, whichever wrote the file; for files of `pushforward.save`
        a `VectorModel` of events of shape (d,), or an `ImageModel` of events of shape (height, width, channels).

    Raises:
        FileFormatError: if the file cannot be loaded.
        ValueError: if it holds no flow on rows of a table or on images, or its names do not fit the flow.
    """
    flow, metadata = load_flow(path), read_metadata(path)
    for kind in AbstractModel.__subclasses__():
        model = kind.restore(flow, metadata)
        if model is not None:
            return model
    known = " or ".join(kind.of for kind in AbstractModel.__subclasses__())
    raise bad("model", f"a flow on {known}", f"`{type(flow).__name__}`")
