"""Public methods of flows and bijections under every transformation that takes a function."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf

from .cases import ADAPT, BIJECTIONS, COLUMNS, DISTRIBUTIONS, FLOWS, Case
from .contracts.study import made

FLOW = pf.flows.maf(jax.random.key(0), 3, layers=1, hidden=(4,))


@pytest.mark.parametrize("case", BIJECTIONS + DISTRIBUTIONS + FLOWS + ADAPT + COLUMNS, ids=lambda case: case.name)
def test_public_methods_are_hashable(case: Case):
    model = made(case)
    names = [n for n in dir(type(model)) if not n.startswith("_") and callable(getattr(type(model), n))]
    # Class methods and those that no transformation takes, since they take or return no array, are functions anyway.
    structure = {
        "parts",
        "rebuild",
        "held",
        "with_held",
        "fit_to",
        "inverted",
        "layers",
        "unfitted",
        "of",
        "mlp",
        "random",
        "reverse",
    }
    assert names
    for name in names:
        if name not in structure or case.subject == "StickBreaking":
            assert hash(getattr(model, name)) == hash(getattr(model, name)), name
            assert getattr(model, name) == getattr(model, name), name


@pytest.mark.parametrize(
    "transform",
    [
        jax.jit,
        eqx.filter_jit,
        jax.vmap,
        lambda f: functools.partial(jax.lax.map, f),
        lambda f: jax.jit(functools.partial(f)),
        lambda f: jax.vmap(jax.jit(f)),
    ],
    ids=["jit", "filter_jit", "vmap", "map", "partial", "vmap-jit"],
)
def test_a_density_under_a_transformation(transform: Any):
    x = np.linspace(-1, 1, 12).reshape(4, 3)
    np.testing.assert_allclose(transform(FLOW.log_prob)(x), FLOW.log_prob(x), rtol=1e-6)


def test_derivatives_of_a_density():
    x = jnp.array([0.1, -0.2, 0.3])
    slope = jax.jit(jax.grad(FLOW.log_prob))(x)
    assert slope.shape == (3,)
    curvature = jax.hessian(FLOW.log_prob)(x)
    np.testing.assert_allclose(curvature, curvature.T, atol=1e-6)


def test_both_directions_of_a_map_compiled():
    z = jnp.array([0.1, -0.2, 0.3])
    x = jax.jit(FLOW.bijection.forward)(z)
    np.testing.assert_allclose(jax.jit(FLOW.bijection.inverse)(x), z, atol=1e-5)


def test_equal_methods_share_a_program():
    traced = []

    def counting(f: Any) -> Any:
        def call(x: Any) -> Any:
            traced.append(f)
            return f(x)

        return call

    run = jax.jit(lambda f, x: counting(f)(x), static_argnums=0)
    for _ in range(2):
        run(FLOW.log_prob, np.zeros(3))
    assert len(traced) == 1
    assert FLOW.log_prob != pf.flows.maf(jax.random.key(0), 3, layers=1, hidden=(4,)).log_prob


def test_the_arrays_of_the_module_are_traced_by_filter_jit():
    leaves = jax.tree.leaves(FLOW.log_prob)
    assert len(leaves) == len(jax.tree.leaves(FLOW))
    moved = jax.tree.map(lambda a: a + 1, FLOW.log_prob)
    assert not np.allclose(moved(np.ones(3)), FLOW.log_prob(np.ones(3)))
