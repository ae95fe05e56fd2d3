"""The bytes of a file: safetensors, with a checksum of the whole file at a fixed place in its header."""

import hashlib
import json
from io import BufferedIOBase
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as serialize

from .arrays import DTYPES
from .errors import FileFormatError
from .upgrade import upgraded

#: The version of the format that is written, and the earlier versions that are read too; see `upgrade.py`.
VERSION, EARLIER = 3, (2,)
#: The largest header in bytes, as a bound on the bytes that are parsed before the checksum is verified.
MAX_HEADER = 64 * 2**20

_START = b'{"__metadata__":{"pushforward":"{\\"sha256\\":\\"'
_DIGEST = slice(8 + len(_START), 8 + len(_START) + 64)


def pack(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Return the bytes of a file of `arrays`; its header holds the checksum, the version and `content` as JSON.

    Raises:
        ValueError: if the header would be larger than `MAX_HEADER`.
    """
    header = json.dumps({"sha256": "0" * 64, "format": VERSION, **content}, separators=(",", ":"))
    data = bytearray(serialize(arrays, metadata={"pushforward": header}))
    if not data[8:].startswith(_START) or int.from_bytes(data[:8], "little") > MAX_HEADER:
        raise ValueError(f"The header of a model file must be at most {MAX_HEADER} bytes; got {len(header)}.")
    data[_DIGEST] = hashlib.sha256(data).hexdigest().encode()
    return bytes(data)


def read_header(stream: BufferedIOBase, size: int) -> tuple[bytes, dict[str, Any]]:
    """Return the header, as bytes that start with its length, and the content that `pack` was given.

    The checksum is not verified here, because it covers the rest of the file too.

    Arguments:
        stream: at the start of a file.
        size: the length of the file in bytes.

    Raises:
        FileFormatError: if this is not the header of a model file of a known version.
    """
    if size == 0:
        raise FileFormatError("it is empty")
    prefix = stream.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or length > min(size - 8, MAX_HEADER):
        raise FileFormatError("it is truncated, or not a model file of pushforward")
    raw = prefix + stream.read(length)
    if not raw[8:].startswith(_START):
        raise FileFormatError("it is not a model file of pushforward")
    try:
        content = json.loads(json.loads(raw[8:])["__metadata__"]["pushforward"])
        version = content.pop("format")
        del content["sha256"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FileFormatError("its header is damaged") from None
    if type(version) is not int or version not in (VERSION, *EARLIER):
        newer = type(version) is int and version > VERSION
        by = f"by a newer pushforward (format {version}); upgrade with `pip install --upgrade pushforward`"
        raise FileFormatError(f"it was written {by}" if newer else "it is of an unknown format version")
    content["tree"] = upgraded(content.get("tree"), version)
    return raw, content


def unpack(stream: BufferedIOBase, size: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the content and the arrays that `pack` was given.

    Arguments:
        stream: at the start of a file.
        size: the length of the file in bytes.

    Raises:
        FileFormatError: if the bytes of the file differ from the result of `pack`.
    """
    raw, content = read_header(stream, size)
    data = raw + stream.read()
    checksum = hashlib.sha256(data[: _DIGEST.start])
    checksum.update(b"0" * 64)
    checksum.update(memoryview(data)[_DIGEST.stop :])
    if checksum.hexdigest().encode() != data[_DIGEST]:
        raise FileFormatError("it is truncated or altered: its checksum does not match its content")
    try:
        found = deserialize(data)
    except SafetensorError as error:
        raise FileFormatError(f"it is not a valid safetensors file ({error})") from None
    arrays = {}
    for name, array in found:
        if array["dtype"] not in DTYPES:
            raise FileFormatError(f"it holds an array of the unknown dtype {array['dtype']}")
        arrays[name] = np.frombuffer(array["data"], DTYPES[array["dtype"]]).reshape(array["shape"])
    return content, arrays
