"""What is saved comes back bit for bit, here and in another process."""

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import bijections, distributions, flows, io, networks, univariate


def models() -> dict[str, Any]:
    """Return models that use each way of holding arrays, parts and plain values."""
    key = jax.random.key(0)
    spline = univariate.RationalQuadratic(bins=4)
    return {
        "no array": distributions.StandardNormal((2,)),
        "class defaults": univariate.Affine(),
        "scalars": distributions.Normal(0.0, 1.0),
        "tuples": networks.MLP(key, 3, (2, 4), hidden=(8,), cond_dim=2),
        "integers": bijections.Permute.random(key, 5),
        "nested": bijections.Chain([bijections.Invert(bijections.Exp((2,))), bijections.Elementwise(spline, (2,))]),
        "flow": flows.nsf(key, 3, layers=2, hidden=(8, 8), bins=4),
        "conditional": flows.maf(key, 2, cond_dim=1, layers=2, hidden=(8,)),
        "dim 1": flows.real_nvp(key, 2, layers=2, hidden=(8,)),
    }


def assert_same(a: Any, b: Any) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert isinstance(y, jax.Array)
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


@pytest.mark.parametrize("name", models())
def test_round_trip(name: str, tmp_path: Path) -> None:
    model = models()[name]
    io.save(tmp_path / "model.pf", model)
    loaded = io.load(tmp_path / "model.pf")
    assert_same(model, loaded)
    assert [p.name for p in tmp_path.iterdir()] == ["model.pf"]


def test_equal_models_give_equal_bytes() -> None:
    model = models()["flow"]
    assert io.to_bytes(model) == io.to_bytes(io.from_bytes(io.to_bytes(model)))


def test_arrays_are_named_by_their_path() -> None:
    data = io.to_bytes(models()["nested"])
    assert b'"bijections.1.params":{"dtype":"F64"' in data


def test_another_process_gives_bit_equal_densities(tmp_path: Path) -> None:
    flow = models()["flow"]
    x = np.random.default_rng(0).normal(size=(64, 3))
    io.save(tmp_path / "flow.pf", flow)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "here.npy", flow.log_prob(x))
    script = """
        import sys, jax, numpy as np
        jax.config.update("jax_enable_x64", True)
        from pushforward import io
        flow = io.load(sys.argv[1] + "/flow.pf")
        np.save(sys.argv[1] + "/there.npy", flow.log_prob(np.load(sys.argv[1] + "/x.npy")))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=True)
    assert (tmp_path / "here.npy").read_bytes() == (tmp_path / "there.npy").read_bytes()


@final
class Everything(eqx.Module):
    """Arrays of every kind and plain values of every kind."""

    arrays: dict[str, Any]
    parts: list[Any]
    plain: Any = eqx.field(static=True)
    size: int = eqx.field(static=True, default=3, init=False)


#: Equinox takes NumPy values in static fields for a mistake, which they are; a file has to cope with both.
static_arrays = pytest.mark.filterwarnings("ignore:A JAX array is being set as static")


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> type[Everything]:
    monkeypatch.setattr(distributions, "Everything", Everything, raising=False)
    return Everything


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "int32", "int64", "uint32", "float16", "bfloat16", "float32", "float64"]
)
@pytest.mark.parametrize("shape", [(), (0, 2), (3,), (2, 3)])
def test_dtypes(everything: type[Everything], dtype: str, shape: tuple[int, ...]) -> None:
    array = jnp.asarray(np.random.default_rng(0).normal(size=shape) * 10).astype(dtype)
    assert_same(everything({"a": array}, [], None), io.from_bytes(io.to_bytes(everything({"a": array}, [], None))))


def test_numbers_that_are_not_ordinary(everything: type[Everything]) -> None:
    array = jnp.array([np.nan, np.inf, -np.inf, -0.0, 5e-324])
    model = everything({"a": array}, [], None)
    assert_same(model, io.from_bytes(io.to_bytes(model)))


def test_weak_dtypes_stay_weak(everything: type[Everything]) -> None:
    model = everything({"s": jnp.asarray(2.0), "v": jnp.full(3, 2.0), "i": jnp.asarray(1)}, [], None)
    assert all(a.weak_type for a in model.arrays.values())
    loaded = io.from_bytes(io.to_bytes(model))
    assert_same(model, loaded)
    assert all(a.weak_type for a in loaded.arrays.values())


def test_numpy_arrays_of_any_layout(everything: type[Everything]) -> None:
    a = np.arange(6.0).reshape(2, 3)
    model = everything({"t": a.T, "strided": a[:, ::2], "big": a.astype(">f8"), "scalar": np.float32(1)}, [], None)
    loaded = io.from_bytes(io.to_bytes(model)).arrays
    assert all(isinstance(v, jax.Array) for v in loaded.values())
    assert all(np.array_equal(loaded[k], v) for k, v in model.arrays.items())


@pytest.mark.parametrize(
    "plain",
    [
        *(None, True, False, 0, -(10**30), 1.0, 0.1, -0.0, 1e-320, np.inf, -np.inf, "", 'é\n"\\\x00\ud800'),
        *((), (1, (2.5, "a"), ()), [1, [2]], {"a": (1,), "b.c": None}, {1: 2, 3: [3.0]}),
    ],
    ids=repr,
)
def test_plain_values(everything: type[Everything], plain: Any) -> None:
    loaded = io.from_bytes(io.to_bytes(everything({}, [plain], plain)))
    for value in (loaded.plain, *loaded.parts):
        assert repr(value) == repr(plain)


@static_arrays
def test_nan_and_numpy_scalars_as_plain_values(everything: type[Everything]) -> None:
    loaded = io.from_bytes(io.to_bytes(everything({}, [], (float("nan"), np.int64(3), np.float64(0.1), np.True_))))
    assert np.isnan(loaded.plain[0])
    assert loaded.plain[1:] == (3, 0.1, True)
    assert [type(v) for v in loaded.plain[1:]] == [int, float, bool]


def test_metadata(tmp_path: Path) -> None:
    metadata = {
        "columns": ["a", "é"],
        "history": {"train": [1.5, float("inf")]},
        "sha256": "0" * 64,
        "tree": None,
    }
    io.save(tmp_path / "m", distributions.StandardNormal(), metadata)
    assert io.read_metadata(tmp_path / "m") == metadata
    io.save(str(tmp_path / "m"), distributions.StandardNormal())
    assert io.read_metadata(str(tmp_path / "m")) == {}


def test_wide_arrays_in_narrow_mode() -> None:
    data = io.to_bytes(distributions.Normal(jnp.array([0.1]), jnp.array([2.0])))
    with jax.enable_x64(False):
        with pytest.warns(UserWarning, match=r"float64 arrays, which are loaded as 32-bit.*jax_enable_x64"):
            loaded = io.from_bytes(data)
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(loaded))
        assert loaded.log_prob([0.5]).dtype == jnp.float32


def test_wide_arrays_that_do_not_fit(everything: type[Everything]) -> None:
    for value in (1e300, 2**40):
        data = io.to_bytes(everything({"a": jnp.array([value])}, [], None))
        with (
            jax.enable_x64(False),
            pytest.raises(io.FileFormatError, match=r"`arrays\.a` holds numbers too large"),
        ):
            io.from_bytes(data)


@final
class Foreign(eqx.Module):
    """A class that the package does not export."""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (3, "`model` must be a flow, a distribution"),
        (type("Result", (), {"flow": 1})(), r"save `result\.flow`"),
        (
            Foreign(),
            r"`model` must be an object of a class that pushforward exports.*Foreign.*tree_ser",
        ),
        (Everything({}, [], None), "`model` must be an object of a class"),
    ],
)
def test_models_that_cannot_be_saved(model: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        io.to_bytes(model)


@static_arrays
@pytest.mark.parametrize(
    ("parts", "plain", "message"),
    [
        ([Foreign()], None, r"`model\.parts\.0` must be an object of a class that pushforward exports"),
        ([jnp.tanh], None, r"`model\.parts\.0` must be a module, an array, None"),
        ([1j], None, r"`model\.parts\.0` must be"),
        ([np.array(["a"])], None, r"`model\.parts\.0` must be of one of the dtypes"),
        ([jax.random.key(0)], None, r"`model\.parts\.0` must be of one of the dtypes"),
        (
            [{"a.b": np.ones(1), "a": {"b": np.ones(1)}}],
            None,
            r"`model\.parts\.0\.a\.b` must be the only",
        ),
        ([], (1, np.ones(2)), r"`model\.plain\.1` must be None, a bool"),
        ([], jnp.tanh, r"`model\.plain` must be None, a bool"),
    ],
)
def test_parts_that_cannot_be_saved(everything: type[Everything], parts: list, plain: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        io.to_bytes(everything({}, parts, plain))


def test_traced_arrays_cannot_be_saved() -> None:
    model = models()["nested"]
    with pytest.raises(ValueError, match=r"`model\.bijections\.1\.params` must be a concrete array; got `a traced"):
        eqx.filter_jit(io.to_bytes)(model)


@pytest.mark.parametrize("metadata", [{"a": np.ones(2)}, {"a": object()}])
def test_metadata_that_cannot_be_saved(metadata: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match="`metadata` must be a dictionary that `json` can write"):
        io.to_bytes(distributions.StandardNormal(), metadata)
