"""Read images from a folder, a file or the word "digits"."""

from pathlib import Path
from typing import Any

from ..._errors import bad
from ..tables.files import PathLike
from .image_arrays import holds_idx, holds_numpy, read_idx, read_numpy
from .image_folder import read_files, read_folder
from .images import Images

#: The word for the images that scikit-learn includes.
DIGITS = "digits"
#: The endings of NumPy files, which hold tables or images, and of files of one image.
NUMPY, PICTURES = (".npy", ".npz"), (".png", ".jpg", ".jpeg")


def read_images(path: PathLike) -> Images:
    """Read images of one size, whole or not at all.

    Arguments:
        path: one of
            - a folder of PNG and JPEG files, or of a subfolder of such files per class; hidden files are ignored.
              Gray images have one channel; color and palette images have three. An opaque alpha channel is dropped;
              a transparent one and 16 bits per channel are refused. A single PNG or JPEG file is one image;
            - an .npy or .npz file with an array of shape (n, height, width) or (n, height, width, channels) of uint8,
              or of other integers from 0 to 255. In an .npz file, the array is named images, x, pixels or arr_0, or is
              the only one with 3 or 4 axes; the classes are labels or y, integers or words; and levels, an integer, is
              the number of values of a pixel;
            - an IDX file, the format of MNIST, also compressed by gzip. The labels of X-images-idx3-ubyte are read
              from the file X-labels-idx1-ubyte beside it;
            - "digits", if no file has this name: scikit-learn's 1797 handwritten digits, 8 × 8 × 1, 17 levels.

    Raises:
        OSError: if `path` does not exist, or may not be read.
        ValueError: if it does not hold images of one size. For a folder, up to five files are named, with reasons.
        ImportError: if `path` is "digits" and scikit-learn is not installed.

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
    """Whether `read_images` can read `path`, as far as this is known without reading it."""
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
