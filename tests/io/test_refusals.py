"""A file that is not whole, not ours or not honest is refused with one sentence."""

import hashlib
import json
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from safetensors.numpy import save as serialize

from pushforward import bijections, distributions, flows, io, univariate
from pushforward.io.container import pack, unpack


@pytest.fixture(scope="module")
def flow() -> distributions.Pushforward:
    return flows.maf(jax.random.key(0), 2, layers=2, hidden=(8,))


@pytest.fixture(scope="module")
def data(flow: distributions.Pushforward) -> bytes:
    return io.to_bytes(flow, {"columns": ["a", "b"]})


def refused(path: Path, data: bytes, match: str | None = None) -> None:
    path.write_bytes(data)
    with pytest.raises(io.FileFormatError, match=match) as caught:
        io.load(path)
    message = str(caught.value)
    assert message.startswith(f"`{path}` cannot be loaded: ")
    assert message.endswith(".")
    assert "\n" not in message


def altered(data: bytes, change: Callable[[dict[str, Any], dict[str, np.ndarray]], None]) -> bytes:
    """Return `data` after `change` of its content, with a checksum that is right."""
    import io as streams

    content, arrays = unpack(streams.BytesIO(data), len(data))
    change(content, arrays)
    return pack(content, arrays)


def test_no_pickle(data: bytes) -> None:
    assert b"pickle" not in data
    # Nothing but the length of the header, the header and the arrays, end to end.
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    offsets = sorted(entry["data_offsets"] for name, entry in header.items() if name != "__metadata__")
    assert [start for start, _ in offsets] == [0, *(end for _, end in offsets[:-1])]
    assert 8 + size + offsets[-1][1] == len(data)


def test_truncated(tmp_path: Path, data: bytes, rng: np.random.Generator) -> None:
    lengths = [*range(10), len(data) - 1, *rng.integers(0, len(data), 20)]
    for length in lengths:
        refused(tmp_path / "m.pf", data[:length])


def test_lengthened(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path / "m.pf", data + b"\0", "checksum")
    refused(tmp_path / "m.pf", data + data, "checksum")


def test_flipped_bytes(tmp_path: Path, data: bytes, rng: np.random.Generator) -> None:
    header = struct.unpack("<Q", data[:8])[0]
    places = [
        *range(8),
        *rng.integers(8, 8 + header, 50),
        *rng.integers(8 + header, len(data), 50),
        len(data) - 1,
    ]
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << rng.integers(8)
        refused(tmp_path / "m.pf", bytes(flipped))


def test_every_white_space_counts(tmp_path: Path) -> None:
    # The header is padded with spaces, which a JSON parser would let pass as other white space.
    data = io.to_bytes(univariate.Affine())
    assert data.endswith(b" ")
    refused(tmp_path / "m.pf", data[:-1] + b"\n", "checksum")


def test_not_a_model_file(tmp_path: Path) -> None:
    path = tmp_path / "m.pf"
    refused(path, b"", "it is empty")
    refused(path, b"a,b\n1,2\n" * 100, "not a model file")
    refused(path, serialize({"a": np.ones(3)}), "not a model file")
    refused(path, serialize({"a": np.ones(3)}, metadata={"pushforward": "{}"}), "not a model file")


@pytest.mark.parametrize("read", [io.load, io.read_metadata])
def test_no_file(tmp_path: Path, read: Callable[[Any], Any]) -> None:
    with pytest.raises(io.FileFormatError, match=r"none.pf` cannot be loaded: there is no such file\."):
        read(tmp_path / "none.pf")
    with pytest.raises(io.FileFormatError, match="it is a directory"):
        read(tmp_path)
    with pytest.raises(io.FileFormatError, match="it is not a regular file"):
        read("/dev/zero")


def test_bytes(data: bytes) -> None:
    with pytest.raises(io.FileFormatError, match=r"The 100 bytes cannot be loaded: it is truncated"):
        io.from_bytes(data[:100])


def test_version(tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pf"
    for version, match in (
        (4, r"newer pushforward \(format 4\); upgrade with `pip"),
        (1, "unknown"),
        (0, "unknown"),
        ("2", "unkn"),
    ):
        change = altered(data, lambda content, _, v=version: content.update(format=v))
        refused(path, change, match)
        with pytest.raises(io.FileFormatError, match=match):
            io.read_metadata(path)


@pytest.mark.parametrize(
    "name",
    [
        *("os.system", "builtins.eval", "eval", "bijections._base.AbstractBijection", "", "bijections"),
        *(
            "bijections.AbstractBijection",
            "distributions._base.eqx.Module",
            "flows.nsf",
            "bijections.chain.Chain",
        ),
        *("distributions.__init__", "pushforward.bijections.Chain", "__import__('os')", "x" * 10_000),
    ],
)
def test_classes_that_are_not_exported(tmp_path: Path, data: bytes, name: str) -> None:
    for part in ("base", "bijection"):
        change = altered(data, lambda c, _, part=part: c["tree"]["fields"][part].update({"class": name}))
        refused(tmp_path / "m.pf", change, "is not a class that pushforward exports")


def fields(content: dict[str, Any]) -> dict[str, Any]:
    return content["tree"]["fields"]


def base(content: dict[str, Any]) -> dict[str, Any]:
    return fields(content)["base"]["fields"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c, a: c.update(tree=None), "its tree is not that of a model"),
        (lambda c, a: c.pop("tree"), "its tree is not that of a model"),
        (lambda c, a: c.update(tree=[None]), "its tree is not that of a model"),
        (lambda c, a: c.update(tree={"class": "distributions.Normal"}), "the model is not of a form"),
        (lambda c, a: c.update(tree={"array": "float32", "shape": []}), "an array that is not there"),
        (lambda c, a: c["tree"].update(more=1), "the model is not of a form"),
        (
            lambda c, a: fields(c).pop("base"),
            "the fields of the model are not those of `distributions.Pushforward`",
        ),
        (lambda c, a: fields(c).update(__class__=1), "the fields of the model are not those"),
        (lambda c, a: fields(c).update(base=3), "`base` is not an `AbstractDistribution`"),
        (
            lambda c, a: fields(c).update(base={"class": "univariate.Shift", "fields": {"num_params": 1}}),
            "`base` is not an `AbstractDistribution`",
        ),
        (
            lambda c, a: base(c).update(shape=[3]),
            "the model do not fit together .*`bij",
        ),
        (
            lambda c, a: base(c).update(shape={"float": "x"}),
            "`base.shape` is not of a form",
        ),
        (
            lambda c, a: base(c).update(shape={"dict": [[{"list": []}, 1]]}),
            "key that cannot",
        ),
        (lambda c, a: a.popitem(), "names an array that is not there"),
        (lambda c, a: a.update(more=np.ones(2)), "an array that its tree does not name, `more`"),
        (lambda c, a: a.update({k: v[..., None] for k, v in a.items()}), "not of the shape and dtype"),
        (
            lambda c, a: a.update({k: v.astype(np.float16) for k, v in a.items()}),
            "not of the shape and dtype",
        ),
        (lambda c, a: a.update(more=np.ones(2, np.complex64)), "an array of the unknown dtype C64"),
    ],
)
def test_contents_that_do_not_fit(tmp_path: Path, data: bytes, change: Callable, match: str) -> None:
    refused(tmp_path / "m.pf", altered(data, change), match)


def test_arrays_in_static_fields(tmp_path: Path) -> None:
    data = io.to_bytes(univariate.Affine())

    def change(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        fields(content)["max_log_scale"] = {"array": "float32", "shape": []}
        arrays["max_log_scale"] = np.ones((), np.float32)

    refused(tmp_path / "m.pf", altered(data, change), "an array that is not there")


def sealed(header: bytes, data: bytes = b"") -> bytes:
    """Return a file with this header and a right checksum, written by hand."""
    file = struct.pack("<Q", len(header)) + header + data
    place = file.index(b"0" * 64)
    return file[:place] + hashlib.sha256(file).hexdigest().encode() + file[place + 64 :]


def header(content: str = "", arrays: str = "", version: int = 3) -> bytes:
    start = f'{{"sha256":"{"0" * 64}","format":{version}'
    ours = json.dumps(start + content)
    return f'{{"__metadata__":{{"pushforward":{ours}}}{arrays}}}'.encode()


@pytest.mark.parametrize(
    ("file", "match"),
    [
        (struct.pack("<Q", 2**63) + b"{}", "truncated, or not a model"),
        (struct.pack("<Q", 2**64 - 1) + b"{}", "truncated, or not a model"),
        (sealed(header(',"tree":null')), "its header is damaged"),
        (sealed(header(',"tree":' + "[" * 100_000)), "its header is damaged"),
        (sealed(header(',"tree":' + "[" * 900 + "]" * 900 + "}")), "nested too deeply|not that of a model"),
        (sealed(header(',"tree":' + "[" * 900 + "]" * 900 + "}", version=2)), "nested too deeply|not that of a model"),
        (sealed(header(',"tree":' + "9" * 10_000 + "}")), "its header is damaged"),
        (sealed(header(',"tree":null}')[:-1] + b"," + b'"a":' + b"[" * 10_000), "its header is damaged"),
        (
            sealed(header(',"tree":null}', ',"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'), bytes(4)),
            "not a valid safetensors",
        ),
        (
            sealed(
                header(
                    ',"tree":null}',
                    ',"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
                    ',"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}',
                ),
                bytes(4),
            ),
            "not a valid safetensors",
        ),
        (
            sealed(
                header(
                    ',"tree":null}',
                    f',"a":{{"dtype":"F32","shape":[{2**40},{2**40}],"data_offsets":[0,{2**60}]}}',
                ),
                bytes(4),
            ),
            "not a valid safetensors",
        ),
        (sealed(header(',"tree":null}')), "its tree is not that of a model"),
    ],
)
def test_hostile_headers_are_refused_at_once(tmp_path: Path, file: bytes, match: str) -> None:
    start = time.perf_counter()
    refused(tmp_path / "m.pf", file, match)
    assert time.perf_counter() - start < 1


def test_a_huge_header_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.pf"
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 2**33))
        file.truncate(2**33 + 8)
    start = time.perf_counter()
    with pytest.raises(io.FileFormatError, match="not a model file"):
        io.load(path)
    assert time.perf_counter() - start < 1


def test_check_init_is_not_bypassed(tmp_path: Path) -> None:
    data = io.to_bytes(bijections.Elementwise(univariate.Affine(), (2,)))
    change = altered(data, lambda c, _: fields(c)["univariate"]["fields"].update(max_log_scale=-1.0))
    refused(tmp_path / "m.pf", change, "the fields of `univariate` do not fit together .*positive; got -1.0")
