"""Batches: in chunks, shared among devices, under any transformation."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.distributions import _batches

from ..conftest import SEED


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_batches, "CPU_CHUNK", (4, 100))
    monkeypatch.setattr(_batches, "SHARED_CHUNK", (4, 100))
    monkeypatch.setattr(_batches, "CHUNK", (4, 100))
    jax.clear_caches()
    yield
    jax.clear_caches()


@pytest.mark.parametrize("events", [0, 1, 4, 7, 8])
@pytest.mark.parametrize("each", [False, True])
def test_chunks_are_the_events_one_by_one(small_chunks: None, events: int, each: bool):
    flow = pf.flows.maf(jax.random.key(0), 2, cond_dim=3, hidden=(8,), layers=2)
    rng = np.random.default_rng(SEED)
    x = jnp.asarray(rng.standard_normal((events, 2)))
    condition = jnp.asarray(rng.standard_normal((events, 3) if each else 3))
    one_by_one = [flow.log_prob(x[i], condition[i] if each else condition) for i in range(events)]
    np.testing.assert_allclose(flow.log_prob(x, condition), np.asarray(one_by_one), rtol=1e-5)
    drawn, log_prob = flow.sample_and_log_prob(jax.random.key(1), () if each else events, condition)
    assert drawn.shape == (events, 2)
    np.testing.assert_allclose(log_prob, flow.log_prob(drawn, condition), rtol=1e-3, atol=1e-4)
    assert len(np.unique(drawn, axis=0)) == events


def test_whole_numbers_may_be_those_of_numpy(key: jax.Array):
    flow = pf.distributions.StandardNormal((2,))
    expected = flow.sample(key, 4)
    for shape in (np.int64(4), np.uint8(4), (np.int32(4),)):
        np.testing.assert_array_equal(flow.sample(key, shape), expected)
        assert flow.sample_and_log_prob(key, shape)[1].shape == (4,)
    wrong: Any
    for wrong in (np.int64(-1), (np.bool_(True),), (4.0,), np.float64(4)):
        with pytest.raises((ValueError, TypeError), match="sample_shape"):
            flow.sample(key, wrong)


def test_cpu_devices_share_a_batch(monkeypatch: pytest.MonkeyPatch):
    flow = pf.flows.nsf(jax.random.key(0), 2, cond_dim=1, hidden=(4,), layers=2)
    rng = np.random.default_rng(SEED)
    x, condition = jnp.asarray(rng.standard_normal((7, 2))), jnp.asarray(rng.standard_normal((7, 1)))

    def results() -> tuple[jax.Array, ...]:
        drawn = flow.sample_and_log_prob(jax.random.key(1), (), condition)
        of_one = flow.log_prob(x, condition[0]), flow.sample(jax.random.key(2), 5, condition[0])
        return flow.log_prob(x, condition), *of_one, *drawn

    alone = results()
    asked, devices = [], _batches.count_devices
    monkeypatch.setattr(_batches, "SHARE", 2)
    monkeypatch.setattr(_batches, "count_devices", lambda *args: asked.append(devices(*args)) or asked[-1])
    shared = results()
    assert asked == [3, 3, 2, 3]
    for a, b in zip(shared, alone, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.sharding == b.sharding
        assert not a.committed
    flow.log_prob(jax.device_put(x, jax.devices()[1]), condition)
    jax.vmap(flow.log_prob)(x, condition)
    assert asked[4:] == [1, 1]


def test_a_condition_for_all_events_is_not_copied():
    flow = pf.flows.real_nvp(jax.random.key(0), 2, cond_dim=1000, hidden=(4,), layers=1)
    draw = jax.jit(lambda condition: flow.sample(jax.random.key(0), 100_000, condition))
    needed = draw.lower(jnp.zeros(1000)).compile().memory_analysis()
    assert needed is None or needed.temp_size_in_bytes < 100_000 * 1000


def test_log_prob_is_the_same_within_any_program():
    flow = pf.flows.nsf(jax.random.key(0), 2, hidden=(8,), layers=2)
    x = jnp.asarray(np.random.default_rng(SEED).standard_normal((5, 2)))
    expected = flow.log_prob(x)
    np.testing.assert_allclose(jax.jit(lambda: flow.log_prob(x))(), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(flow.log_prob)(x), expected, rtol=1e-5)
    slopes = jax.grad(lambda x: flow.log_prob(x).sum())(x)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(flow.log_prob)))(x), slopes, rtol=1e-4, atol=1e-5)
