"""Batches: in chunks, under any transformation, with the options of a whole program or without."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import networks as c
from pushforward.distributions import _batches
from pushforward.numerics.layout import materialize, materialize_index, one_like
from pushforward.parallel import compile as _compile

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


def test_an_option_that_the_compiler_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_compile, "CPU_OPTIONS", {"xla_cpu_no_such_option": True})
    assert _compile._options.__wrapped__("cpu") == {}
    assert _compile._options.__wrapped__("gpu") == {}


def test_equal_settings_of_different_types_have_programs_of_their_own():
    times = _compile.compiled(lambda x, by: {"x": x * 2 if by is True else x * by})
    x = np.ones(3, np.float32)
    assert [float(times(x, by)["x"][0]) for by in (1, True, 1.0, 3)] == [1, 2, 1, 3]
    assert isinstance(times(x, by=1)["x"], jax.Array)


def test_donated_arrays_are_used_up_and_the_first_argument_is_kept():
    add = _compile.compiled(lambda kept, spent: {"sum": kept["a"] + spent["b"]}, donate="all-except-first")
    kept, spent = {"a": jnp.ones(4)}, {"b": jnp.ones(4)}
    np.testing.assert_array_equal(add(kept, spent)["sum"], 2)
    assert spent["b"].is_deleted()
    assert not kept["a"].is_deleted()


def test_layers_are_compiled_one_by_one_for_a_gradient_except_on_cpus(monkeypatch: pytest.MonkeyPatch):
    stack = pf.bijections.Stack([pf.bijections.LULinear(2)] * 3, unroll=None)

    def program() -> str:
        return str(jax.make_jaxpr(jax.grad(lambda stack, x: stack.inverse(x).sum()))(stack, jnp.ones(2)))

    assert "unroll=3" not in program()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert "unroll=3" in program()


def test_log_prob_is_the_same_within_any_program():
    flow = pf.flows.nsf(jax.random.key(0), 2, hidden=(8,), layers=2)
    x = jnp.asarray(np.random.default_rng(SEED).standard_normal((5, 2)))
    expected = flow.log_prob(x)
    np.testing.assert_allclose(jax.jit(lambda: flow.log_prob(x))(), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(flow.log_prob)(x), expected, rtol=1e-5)
    slopes = jax.grad(lambda x: flow.log_prob(x).sum())(x)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(flow.log_prob)))(x), slopes, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", [c.MLP(jax.random.key(0), 2, (3, 4)), c.MaskedMLP(jax.random.key(0), 2, 4)])
def test_conditioners_take_any_batch_axes(network: c.AbstractConditioner):
    x = jnp.asarray(np.random.default_rng(SEED).standard_normal((2, 5, 7)))
    flat = network(x.reshape((2, 35)))
    np.testing.assert_allclose(network(x), flat.reshape((len(flat), 5, 7, 4)), rtol=1e-5, atol=1e-6)


def test_what_is_materialized_is_unchanged():
    x = jnp.asarray([0.0, -0.0, 3.0, -1e38, np.finfo(np.float32).tiny])
    np.testing.assert_array_equal(materialize(x, one_like(x)), x)
    for most in range(1, 18):
        np.testing.assert_array_equal(materialize_index(jnp.arange(most + 1), most), np.arange(most + 1))


def test_layers_without_arrays_stack():
    x, log_det = pf.bijections.Stack([pf.bijections.Flip(3)] * 2).forward_and_log_det(jnp.arange(3.0))
    np.testing.assert_array_equal(x, jnp.arange(3.0))
    assert log_det == 0


def test_narrow_bins_keep_their_digits():
    spline = pf.univariate.RationalQuadratic(8, 5.0, min_bin=1e-8)
    at = jnp.linspace(-5.5, 5.5, 4001, dtype=jnp.float32)
    for raw in (2, 10):
        params = jnp.zeros(23, jnp.float32).at[raw].set(-40.0)
        for go in (spline.forward_and_log_derivative, spline.inverse_and_log_derivative):
            value, log_derivative = go(at, params)
            assert np.all(np.isfinite(value)), raw
            assert np.all(np.isfinite(log_derivative)), raw
