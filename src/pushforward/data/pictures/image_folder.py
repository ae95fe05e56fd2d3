"""Images from PNG and JPEG files; errors name the files of a folder that are at fault."""

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from .images import Images, size_of

#: Most files that one error names.
NAMED = 5

Pixels = UInt8[np.ndarray, "height width channels"]


class NoImage(Exception):
    """Raised for a file without readable pixels; the message is the reason."""


def read_folder(path: Path) -> Images:
    """Read a folder of PNG and JPEG files, or of a subfolder of such files per class.

    Raises:
        OSError: if the folder cannot be read.
        ValueError: if it holds no image, other files, or images of different sizes.
    """
    files, folders = _listed(path)
    classes = tuple(folder.name for folder in folders)
    if classes and files:
        raise ValueError(
            f"{path} holds folders, one for each class, and beside them files such as {files[0].name}: put each image "
            "into the folder of its class."
        )
    counts = []
    for folder in folders:
        inside, deeper = _listed(folder)
        if deeper or not inside:
            found = f"the folder {deeper[0].name}" if deeper else "nothing"
            raise ValueError(f"{folder} must hold the images of a class, and no folders; it holds {found}.")
        files += inside
        counts.append(len(inside))
    if not files:
        raise ValueError(f"{path} is an empty folder: it holds no PNG or JPEG files.")
    pixels = read_files(path, files)
    labels = np.repeat(np.arange(len(classes)), counts) if classes else None
    return Images(pixels, labels, tuple(str(file.relative_to(path)) for file in files), classes)


def read_files(path: Path, files: list[Path]) -> UInt8[np.ndarray, "n height width channels"]:
    """Read images of one size from files; errors name the files relative to `path`."""
    read: dict[Path, Pixels] = {}
    reasons: dict[Path, str] = {}
    for file in files:
        try:
            read[file] = read_file(file)
        except NoImage as error:
            reasons[file] = str(error)
    # The most common size is taken as the intended one.
    common = Counter(pixels.shape for pixels in read.values()).most_common(1)
    for file, pixels in read.items():
        if pixels.shape != common[0][0]:
            like = next(other for other in files if other in read and read[other].shape == common[0][0])
            reasons[file] = _difference(pixels.shape, common[0][0], like.relative_to(path))
    if reasons:
        bad = [file for file in files if file in reasons]
        listed = "; ".join(f"{file.relative_to(path)}: {reasons[file]}" for file in bad[:NAMED])
        more = f"; and {len(bad) - NAMED:,} others" if len(bad) > NAMED else ""
        raise ValueError(
            f"{path} cannot be read as images, {len(bad):,} of {len(files):,} files are wrong: {listed}{more}. "
            "Repair, convert or remove them."
        )
    return np.stack([read[file] for file in files])


def read_file(file: Path) -> Pixels:
    """Return the pixels of a PNG or JPEG file, gray as one channel and color as three.

    Palettes become colors, an opaque alpha channel is dropped, and photographs are rotated as their EXIF data say.

    Raises:
        NoImage: if the file has no such pixels, with the reason.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            _require_eight_bits(file)
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                image.verify()  # the checksums of a PNG file, which decoding does not check
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                if getattr(image, "is_animated", False):
                    raise NoImage("it is animated")
                image.load()
                return _eight_bits(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        raise NoImage("it is not a PNG or JPEG image" if file.stat().st_size else "it is empty") from None
    except PermissionError:
        raise NoImage("no permission to read it") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NoImage(f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # All errors that Pillow raises for a damaged file; SyntaxError means a broken PNG chunk.
        raise NoImage(f"it is damaged ({' '.join(str(error).split()).rstrip('.') or type(error).__name__})") from error


def _listed(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the files and the folders in a folder, without hidden ones."""
    try:
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except PermissionError as error:
        raise PermissionError(f"Cannot read {path}: no permission to list this folder.") from error
    return [entry for entry in entries if not entry.is_dir()], [entry for entry in entries if entry.is_dir()]


def _require_eight_bits(file: Path) -> None:
    # Pillow silently cuts 16-bit colors to eight bits. The depth is the 25th byte of a PNG file.
    with open(file, "rb") as stream:
        head = stream.read(25)
    if head[:8] == b"\x89PNG\r\n\x1a\n" and head[24:] == b"\x10":
        raise NoImage("it has 16 bits per channel; convert it to 8")


def _eight_bits(image: Any) -> Pixels:
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("LA" if image.mode in ("L", "LA") else "RGBA")
        alpha = np.asarray(image.getchannel("A"))
        if alpha.min() < 255:
            raise NoImage("it has transparent pixels; put it on a background")
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        raise NoImage(f"its colors are of the kind {image.mode}; convert it to gray or RGB")
    pixels = np.array(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    return pixels.reshape(*pixels.shape[:2], -1)


def _difference(shape: tuple[int, ...], common: tuple[int, ...], like: Path) -> str:
    if shape[:2] != common[:2]:
        return f"its size (height × width) is {size_of(shape[:2])}, that of {like} {size_of(common[:2])}"
    kinds = {1: "gray (1 channel)", 3: "color (3 channels)"}
    return f"it is {kinds[shape[2]]}, {like} is {kinds[common[2]]}"
