"""Random numbers on the host are those of JAX, bit for bit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.numerics import keys


@pytest.fixture(params=["new", "old", "rbg"])
def made(request):
    kind = {"new": lambda n: jax.random.key(n), "old": jax.random.PRNGKey}
    return kind.get(request.param, lambda n: jax.random.key(n, impl="rbg"))


def data(key):
    return np.asarray(jax.random.key_data(key))


@pytest.mark.parametrize("seed", [0, 20240229, 2**31 - 1])
def test_split_and_fold_in(made, seed):
    key = made(seed)
    expected = jax.random.split(key, 5)
    assert [data(k).tolist() for k in keys.split_key(key, 5)] == data(expected).tolist()
    found = keys.split_keys(key, 5)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(data(found), data(expected))
    numbers = np.array([0, 1, 7, 2**32 - 1])
    expected = jnp.stack([jax.random.fold_in(key, np.uint32(n)) for n in numbers])
    found = keys.fold_in(key, numbers)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(data(found), data(expected))


@pytest.mark.parametrize("wide", [False, True])
def test_uniform(key, wide):
    with jax.enable_x64(wide):
        found = keys.uniform(key, 1001)
        expected = jax.random.uniform(key, (1001,), minval=-1.0)
        assert found is not None
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_what_is_left_to_jax(key):
    assert keys.uniform(jax.random.key(0, impl="rbg"), 3) is None
    assert keys.uniform(key, keys.MOST + 1) is None
    traced = jax.jit(lambda key: keys.split_keys(key, 3))(key)
    np.testing.assert_array_equal(data(traced), data(keys.split_keys(key, 3)))
    with jax.threefry_partitionable(False):
        np.testing.assert_array_equal(data(keys.split_keys(key, 3)), data(jax.random.split(key, 3)))


def test_nothing_is_compiled(key):
    compiled = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if "backend_compile" in event:
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    keys.split_key(key, 11)
    keys.split_keys(key, 12)
    keys.fold_in(key, np.arange(13))
    keys.uniform(key, 14)
    assert compiled == []


def test_flows_start_the_same_from_compiled_draws(key, monkeypatch):
    flow = pf.flows.nsf(key, 3, layers=2, hidden=(8,))
    monkeypatch.setattr(keys, "MOST", 0)
    monkeypatch.setattr(keys, "_words", lambda key: None)
    assert eqx.tree_equal(pf.flows.nsf(key, 3, layers=2, hidden=(8,)), flow)
