"""Models in files and in bytes."""

import io
import json
import os
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import equinox as eqx
import numpy as np

from .._errors import bad, require
from .arrays import ENABLE_X64, narrowed
from .atomic import write_atomically
from .container import pack, read_header, unpack
from .errors import FileFormatError
from .tree import describe, rebuild

_T = TypeVar("_T")


def save(path: str | os.PathLike[str], model: Any, metadata: dict[str, Any] | None = None) -> None:
    """Save a model to one safetensors file, which `load` reads back bit for bit.

    The file is written under another name and then renamed, so an interrupted save leaves a former
    file intact. If `path` is a link, its target is replaced. The file holds no pickle.

    Arguments:
        path: of the file, with any suffix; `.pf` is customary.
        model: a tree of objects of the package: a flow, a distribution, a bijection, ...
        metadata: a dictionary that `json` can write, to save with the model; `read_metadata` returns it.

    Raises:
        ValueError: if the model holds an object of a class that the package does not export, or another value
            that a file cannot hold; the message names the path of this value in the model.
        OSError: if the file cannot be written.
    """
    _require_path(path)
    write_atomically(path, to_bytes(model, metadata))


def load(path: str | os.PathLike[str]) -> Any:
    """Load the model that `save` wrote.

    Only classes that the package exports are built, and nothing in a file can run code. Every array comes
    back as a JAX array of its former dtype; if JAX's 64-bit mode is off, 64-bit arrays become 32-bit arrays,
    with a warning.

    Arguments:
        path: the file.

    Raises:
        FileFormatError: if the file is missing, truncated, altered, of an unknown version, or not a model.
    """
    return _from_file(path, _load)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the `metadata` that `save` was given, or {} if there was none.

    Only the header of the file is read, so the checksum, which covers the whole file, is not verified.

    Arguments:
        path: the file.

    Raises:
        FileFormatError: if the file is missing, or does not start with the header of a model file.
    """
    return _from_file(path, lambda stream, size: _metadata(read_header(stream, size)[1]))


def to_bytes(model: Any, metadata: dict[str, Any] | None = None) -> bytes:
    """Return the bytes that `save` would write."""
    if not isinstance(model, eqx.Module):
        remedy = "Of a fit, save `result.flow`." if hasattr(model, "flow") else ""
        raise bad("model", "a flow, a distribution, a bijection or another module", model, remedy)
    metadata = {} if metadata is None else metadata
    require(isinstance(metadata, dict), "metadata", "a dictionary", metadata)
    try:
        json.dumps(metadata)
    except (TypeError, ValueError) as error:
        raise bad("metadata", "a dictionary that `json` can write", f"`{error}`") from None
    tree, arrays = describe(model)
    try:
        rebuild(tree, arrays)
    except FileFormatError as error:
        raise bad("model", "one that can be loaded again", f"`{error}`") from error
    return pack({"written_by": f"pushforward {_version()}", "tree": tree, "metadata": metadata}, arrays)


def from_bytes(data: bytes) -> Any:
    """Return the model that `to_bytes` was given; errors and warnings are as in `load`."""
    try:
        return _load(io.BytesIO(data), len(data))
    except FileFormatError as error:
        raise FileFormatError(f"The {len(data)} bytes cannot be loaded: {error}.") from error


def _from_file(path: str | os.PathLike[str], read: Callable[[io.BufferedIOBase, int], _T]) -> _T:
    _require_path(path)
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise FileFormatError("it is a directory" if os.path.isdir(path) else "it is not a regular file")
        with open(path, "rb") as stream:
            return read(stream, os.fstat(stream.fileno()).st_size)
    except FileNotFoundError as error:
        raise FileFormatError(f"`{os.fspath(path)}` cannot be loaded: there is no such file.") from error
    except (FileFormatError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FileFormatError(f"`{os.fspath(path)}` cannot be loaded: {reason}.") from error


def _require_path(path: object) -> None:
    require(isinstance(path, (str, os.PathLike)), "path", "a path", path)


def _load(stream: io.BufferedIOBase, size: int) -> Any:
    content, arrays = unpack(stream, size)
    model = rebuild(content.get("tree"), arrays)
    _warn_of_narrowing(arrays)
    return model


def _metadata(content: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(content.get("metadata"), dict):
        raise FileFormatError("its header is damaged")
    return content["metadata"]


def _warn_of_narrowing(arrays: dict[str, np.ndarray]) -> None:
    wide = sorted({a.dtype.name for a in arrays.values() if narrowed(a.dtype) != a.dtype})
    if wide:
        warnings.warn(
            f"The model was saved with {' and '.join(wide)} arrays, which are loaded as 32-bit ones because "
            f"JAX's 64-bit mode is off. To keep them, {ENABLE_X64} before loading.",
            UserWarning,
            stacklevel=5,
        )


def _version() -> str:
    try:
        return version("pushforward")
    except PackageNotFoundError:
        return "(not installed)"
