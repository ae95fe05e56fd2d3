"""Images from one file of arrays: NumPy files and the IDX files of MNIST."""

import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..._errors import bad, require
from .images import LEVELS, Images

#: Names of images and labels in an .npz file; the first that exists is read.
PIXELS, LABELS = ("images", "x", "pixels", "arr_0"), ("labels", "y")
#: The types of IDX files, by the third byte, in their byte order.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
#: The first bytes of gzip files, and the errors of damaged ones.
GZIP, DAMAGED = b"\x1f\x8b", (EOFError, zlib.error, gzip.BadGzipFile)
#: The errors of files that are damaged, or not NumPy files at all.
NOT_NUMPY = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
#: Axes of an array of images, without and with channels.
AXES = (3, 4)


def read_numpy(path: Path) -> Images:
    """Read images from an .npy file, or images, labels and levels from an .npz file.

    Raises:
        ValueError: if the file is damaged, or its arrays are not as `read_images` states.
    """
    with open(path, "rb") as file:
        with _explained(path):
            loaded = np.load(file, allow_pickle=False)
            shapes = {} if isinstance(loaded, np.ndarray) else _shapes(loaded.zip)
        if isinstance(loaded, np.ndarray):
            return _images(str(path), loaded, None, None)
        names = _chosen(path, shapes)
        with _explained(path):
            arrays = {name: loaded[name] for name in names}
    pixels, *rest = arrays
    labels = next((arrays[name] for name in rest if name in LABELS), None)
    return _images(f"{pixels} in {path}", arrays[pixels], labels, arrays.get("levels"))


def read_idx(path: Path) -> Images:
    """Read an IDX file, and its labels from the file beside it with "labels" in place of "images" in its name.

    Raises:
        ValueError: if a file is damaged, or does not hold bytes of images.
    """
    pixels = _read_idx(path)
    if pixels.ndim == 1:
        remedy = "Give the file of the images: labels beside it are found."
        raise bad(str(path), "images", f"`{pixels.size:,} numbers, such as labels`", remedy)
    labels = _labels_beside(path)
    return _images(str(path), pixels, None if labels is None else _read_idx(labels), None)


def holds_idx(path: Path) -> bool:
    """Whether a file is an IDX file by its first bytes, plain or compressed by gzip, or a damaged gzip file."""
    with open(path, "rb") as file:
        head = file.read(4)
    if head[:2] == GZIP:
        try:
            with gzip.open(path) as stream:
                head = stream.read(4)
        except DAMAGED:
            return True  # the error comes when the file is read
    return _is_idx(head)


def holds_numpy(path: Path) -> bool:
    """Whether a NumPy file holds an array with the number of axes of images; only headers are read."""
    try:
        if path.suffix.lower() == ".npy":
            with open(path, "rb") as stream:
                return len(_shape(stream)) in AXES
        with zipfile.ZipFile(path) as archive:
            return any(len(shape) in AXES for shape in _shapes(archive).values())
    except NOT_NUMPY:
        return False  # the error comes when the file is read


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except NOT_NUMPY as error:
        raise ValueError(f"{path} is not a readable NumPy file of plain numbers, or it is damaged.") from error


def _shapes(archive: zipfile.ZipFile) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of an .npz file, from their headers."""
    shapes = {}
    for name in archive.namelist():
        with archive.open(name) as stream:
            shapes[name.removesuffix(".npy")] = _shape(stream)
    return shapes


def _shape(stream: Any) -> tuple[int, ...]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)[0]


def _chosen(path: Path, shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """Return the names of the arrays to read from an .npz file, the images first."""
    named = [name for name in PIXELS if name in shapes]
    images = named or [name for name, shape in shapes.items() if len(shape) in AXES]
    if len(images) != 1 and not named:
        found = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        rule = f"a file with one array of images, called {', '.join(PIXELS)} or the only one of 3 or 4 axes"
        raise bad(str(path), rule, f"`{found or 'no arrays'}`")
    labels = [name for name in LABELS if name in shapes]
    return [images[0], *labels[:1], *(["levels"] if "levels" in shapes else [])]


def _labels_beside(path: Path) -> Path | None:
    if "images" not in path.name:
        return None
    name = path.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1").removesuffix(".gz")
    return next((path.with_name(n) for n in (f"{name}.gz", name) if path.with_name(n).is_file()), None)


def _is_idx(head: bytes) -> bool:
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in IDX_TYPES


def _read_idx(path: Path) -> np.ndarray:
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == GZIP else data
    except DAMAGED as error:
        reason = "it ends too early" if isinstance(error, EOFError) else "its checksum or its contents are wrong"
        raise ValueError(f"{path} is not a readable gzip file: {reason}.") from error
    if not _is_idx(data[:4]):
        raise bad(str(path), "an IDX file, which starts with two zero bytes and a type", f"`{data[:4].hex(' ')}`")
    ndim, start = data[3], 4 + 4 * data[3]
    if len(data) < start:
        raise ValueError(f"{path} is not a whole IDX file: it ends within its header.")
    shape = struct.unpack(f">{ndim}I", data[4:start])
    dtype = np.dtype(IDX_TYPES[data[2]])
    size = start + math.prod(shape) * dtype.itemsize
    if len(data) != size:
        raise ValueError(f"{path} is not a whole IDX file: it has {len(data):,} bytes, its header says {size:,}.")
    array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _images(name: str, array: np.ndarray, labels: np.ndarray | None, levels: np.ndarray | None) -> Images:
    """Check arrays, with `name` in errors, and return them as images."""
    rule = "an array of shape (n, height, width) or (n, height, width, channels)"
    require(array.ndim in AXES, name, rule, f"`shape {array.shape}`")
    require(array.size > 0, name, "at least one image of at least one pixel", f"`shape {array.shape}`")
    _require_bytes(name, array)
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] not in (1, 3):
        remedy = "Put the channels last: x.transpose(0, 2, 3, 1)."
        raise bad(name, rule, f"`shape {array.shape}`, which has its channels in the second place", remedy)
    pixels = array.astype(np.uint8)
    if array.ndim == 3:
        pixels = pixels[..., None]
    count = _levels(name, levels)
    largest = int(pixels.max())
    require(largest < count, name, f"below its `levels`, {count}", f"`{largest}`")
    if labels is None:
        return Images(pixels, levels=count)
    if labels.shape != (len(pixels),) or labels.dtype.kind not in "iuUS":
        rule = f"one integer or word for each of the {len(pixels):,} images"
        raise bad(f"the labels of {name}", rule, f"`{labels.dtype} of shape {labels.shape}`")
    values, places = np.unique(labels.astype(str) if labels.dtype.kind in "US" else labels, return_inverse=True)
    return Images(pixels, places, (), tuple(map(str, values)), count)


def _levels(name: str, levels: np.ndarray | None) -> int:
    if levels is None:
        return LEVELS
    ok = levels.shape == () and levels.dtype.kind in "iu" and 2 <= int(levels) <= LEVELS
    require(ok, f"the levels of {name}", f"one integer from 2 to {LEVELS}", levels)
    return int(levels)


def _require_bytes(name: str, array: np.ndarray) -> None:
    """Check that an array holds whole numbers of eight bits; the error says how to convert other values."""
    rule = "an array of uint8, from 0 to 255"
    if array.dtype.kind == "f":
        nans = int(np.isnan(array).sum())
        if nans:
            raise bad(name, rule, f"`{array.dtype} with {nans:,} NaN`", "Leave out or fill in what is missing.")
        low, high = float(array.min()), float(array.max())
        convert = "np.round(x)"
        if low >= -1 and high <= 1:
            convert = "np.round(255 * x)" if low >= 0 else "np.round(127.5 * (x + 1))"
        remedy = f"Save {convert}.astype(np.uint8)." if low >= -1 and high <= 255 else "Bring them to 0 to 255 first."
        raise bad(name, rule, f"`{array.dtype} from {low:g} to {high:g}`", remedy)
    require(array.dtype.kind in "iu", name, rule, f"`{array.dtype}`")
    low, high = int(array.min()), int(array.max())
    require(low >= 0 and high < LEVELS, name, rule, f"`{array.dtype} from {low} to {high}`")
