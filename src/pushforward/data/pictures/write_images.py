"""Write images to a file: as a grid, or as arrays of pixels."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from ..._errors import require
from ...io.atomic import write_atomically
from ..tables.files import PathLike, require_writable
from .images import Images
from .pixels import write_grid

#: The endings of files that images are written to.
ENDINGS = (".png", ".npy", ".npz")


def write_images(path: PathLike, images: Images, columns: int | None = None) -> None:
    """Write images to one file, replaced in one step.

    Arguments:
        path: a .png file for a grid, in which small images are enlarged; a .npy file for the pixels; a .npz file
            for `images`, `levels` and, if there are classes, `labels`.
        images: the images; a .png file needs 1 or 3 channels.
        columns: images in a row of the grid; ⌈√n⌉ by default.

    Raises:
        OSError: if `path` cannot be written.
        ValueError: if `path` has another ending, or the images cannot be shown.
    """
    require_image_file(path, images.shape[2])
    path = Path(path)
    ending, data = path.suffix.lower(), io.BytesIO()
    if ending == ".png":
        write_grid(path, images.pixels, columns, images.levels)
        return
    if ending == ".npy":
        np.save(data, images.pixels)
    else:
        arrays: dict[str, Any] = {"images": images.pixels, "levels": images.levels}
        if images.labels is not None:
            arrays["labels"] = np.asarray(images.classes)[images.labels]
        np.savez(data, **arrays)
    write_atomically(path, data.getvalue())


def require_image_file(path: PathLike, channels: int) -> None:
    """Raise unless images of `channels` channels can be written at `path`; call this before long work."""
    ending = Path(path).suffix.lower()
    require(ending in ENDINGS, "output", f"a file ending in {', '.join(ENDINGS)} for images", str(path))
    rule = "a .npy or .npz file for images that are neither gray nor color"
    require(ending != ".png" or channels in (1, 3), "output", rule, f"`{channels} channels`")
    require_writable(path)
