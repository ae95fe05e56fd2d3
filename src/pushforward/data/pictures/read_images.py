"""From a folder, a file or the word "digits" to images."""

from pathlib import Path
from typing import Any

from ..._errors import bad
from ..tables.files import PathLike
from .image_arrays import holds_idx, holds_numpy, read_idx, read_numpy
from .image_folder import read_files, read_folder
from .images import Images

#: The word that stands for the images that come with scikit-learn.
DIGITS = "digits"
#: The endings of NumPy files, which hold tables or images, and of files of one image.
NUMPY, PICTURES = (".npy", ".npz"), (".png", ".jpg", ".jpeg")


def read_images(path: PathLike) -> Images:
    """Read images of one size, whole or not at all.

    Arguments:
        path: one of
            - a folder of PNG and JPEG files, or of one folder of them for each class; hidden files are passed over.
              Gray images have one channel; colors, and palettes, three. An opaque alpha channel is dropped,
              a transparent one and 16 bits per channel are refused. A single such file is one image;
            - an .npy or .npz file with an array of shape (n, height, width) or (n, height, width, channels) of uint8,
              or of other integers from 0 to 255. In an .npz file it is called images, x, pixels or arr_0, or it
              alone has 3 or 4 axes; labels or y, integers or words, are the classes, and levels, an integer,
              bounds the pixels;
            - an IDX file, the format of MNIST, also compressed by gzip. Labels are found in the file beside
              X-images-idx3-ubyte that is called X-labels-idx1-ubyte;
            - "digits", where no file has that name: scikit-learn's 1797 handwritten digits, 8 × 8 × 1, 17 levels.

    Raises:
        OSError: if there is nothing, or no permission to read it.
        ValueError: if it holds anything but images of one size. Of a folder, up to five files are named, and why.
        ImportError: if "digits" are asked for without scikit-learn.

    Reference:
        "Gradient-Based Learning Applied to Document Recognition", LeCun, Bottou, Bengio, Haffner, 1998 (MNIST);
        "Optical Recognition of Handwritten Digits", Alpaydin, Kaynak, 1998 (the digits).
    """
    path = Path(path)
    if not path.exists():
        if str(path) == DIGITS:
            return _digits()
        raise FileNotFoundError(f"There is no file or folder {path}.")
    if path.is_dir():
        return read_folder(path)
    suffix = path.suffix.lower()
    try:
        if suffix in PICTURES:
            return Images(read_files(path.parent, [path]), names=(path.name,))
        if suffix in NUMPY:
            return read_numpy(path)
        if holds_idx(path):
            return read_idx(path)
    except PermissionError as error:
        raise PermissionError(f"Cannot read {error.filename or path}: no permission.") from error
    rule = f"a folder of PNG or JPEG files, a .npy, .npz, .png or .jpg file, an IDX file, or the word {DIGITS}"
    raise bad(str(path), rule, "`a file of another kind`")


def holds_images(path: PathLike) -> bool:
    """Whether `path` is something that `read_images` reads, as far as can be told without reading it."""
    path = Path(path)
    if not path.exists():
        return str(path) == DIGITS
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in PICTURES:
        return True
    return holds_numpy(path) if suffix in NUMPY else holds_idx(path)


def _digits() -> Images:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(f"`{DIGITS}` needs scikit-learn: pip install pushforward[sklearn]") from error
    digits: Any = load_digits()
    pixels = digits.images.astype("uint8")[..., None]
    return Images(pixels, digits.target, (), tuple(map(str, digits.target_names)), levels=17)
