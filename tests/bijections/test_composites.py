"""Layers in a row: the dtype of log-determinants, and how a stack is compiled."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import bijections as b
from pushforward import univariate as u

from ..cases import cast
from ..conftest import SEED

KEY = jax.random.key(SEED)

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@each_dtype
def test_log_dets_are_arrays_of_the_dtype(dtype: str):
    """An integer 0 for a log-determinant, float32 accumulators under float64 (normflows)."""
    event = jnp.ones(3, dtype)
    maps = [
        b.Identity((3,)),
        b.Permute.reverse(3),
        b.Elementwise(u.Shift(), (3,)),
        b.LULinear(3),
        b.Householder(KEY, 3),
    ]
    for bijection in (*maps, b.Chain(maps)):
        for go in (cast(bijection, dtype).forward_and_log_det, cast(bijection, dtype).inverse_and_log_det):
            _, log_det = go(event)
            assert isinstance(log_det, jax.Array)
            assert log_det.dtype == dtype
            assert log_det.shape == ()


def test_layers_are_compiled_one_by_one_for_a_gradient_except_on_cpus(monkeypatch: pytest.MonkeyPatch):
    stack = pf.bijections.Stack([pf.bijections.LULinear(2)] * 3, unroll=None)

    def program() -> str:
        return str(jax.make_jaxpr(jax.grad(lambda stack, x: stack.inverse(x).sum()))(stack, jnp.ones(2)))

    assert "unroll=3" not in program()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert "unroll=3" in program()


def test_values_are_computed_without_a_loop_except_on_cpus(monkeypatch: pytest.MonkeyPatch):
    keys = jax.random.split(KEY, 3)
    layers = [b.Chain([b.Flip(2), b.Autoregressive.mlp(k, u.Affine(), 2)]) for k in keys]
    stack = b.Stack(layers, unroll=None)
    arrays, rest = eqx.partition(jax.tree.map(lambda a: a + 0.1, stack), eqx.is_array)
    x = jax.random.normal(KEY, (5, 2))

    def both(arrays: Any, x: Any) -> Any:
        go = eqx.combine(arrays, rest)
        return jax.vmap(go.inverse_and_log_det)(x), jax.vmap(go.forward_and_log_det)(x)

    expected = both(arrays, x)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert "scan[" not in str(jax.make_jaxpr(lambda x: eqx.combine(arrays, rest).inverse(x))(x[0]))
    for values, same in zip(jax.tree.leaves(both(arrays, x)), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(values, same, rtol=1e-5, atol=1e-5)
    assert b.Stack([b.Flip(3)] * 2, unroll=None).forward(jnp.arange(3.0))[0] == 0


def test_layers_without_arrays_stack():
    x, log_det = pf.bijections.Stack([pf.bijections.Flip(3)] * 2).forward_and_log_det(jnp.arange(3.0))
    np.testing.assert_array_equal(x, jnp.arange(3.0))
    assert log_det == 0
