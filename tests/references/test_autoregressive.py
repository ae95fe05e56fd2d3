"""Affine autoregressive and coupling densities against naive loops over the elements."""

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from pushforward import bijections as b
from pushforward import distributions as d
from pushforward import univariate as u
from pushforward.networks import MLPSettings
from pushforward.numerics.safe import compress_tails

from ..cases import randomize
from ..conftest import SEED

KEY = jax.random.key(SEED)


def _small_coupling(key: jax.Array) -> b.Coupling:
    return b.Coupling.mlp(key, u.Affine(), 3, cond_dim=1, network=MLPSettings((4,)))


def _scale(raw: np.ndarray, bound: float) -> np.ndarray:
    return np.exp(raw / (1 + np.abs(raw) / bound))


def _network(conditioner: Any, x: np.ndarray, sees: Any) -> np.ndarray:
    """Return the output of a plain ReLU network whose weights are cut wherever `sees` says so, for |x| <= 5."""
    assert np.abs(x).max() <= 5
    h = x
    for i, (w, bias) in enumerate(zip(conditioner.weights, conditioner.biases, strict=True)):
        h = (np.asarray(w) * sees(i, w.shape)) @ h + np.asarray(bias)
        h = np.maximum(h, 0) if i < len(conditioner.weights) - 1 else h
    return h


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_affine_autoregressive_density_is_that_of_a_chain_of_gaussians(order: tuple[int, ...]):
    """p(x) = Π N(x_i; t_i(x_<i), s_i(x_<i)²), with parameters asked for one by one, the future unknown."""
    bijection = randomize(
        b.Autoregressive.mlp(jax.random.key(0), u.Affine(), 3, network=MLPSettings((7, 9)), order=order),
        jax.random.key(SEED),
        1.0,
    )
    flow = d.Pushforward(d.StandardNormal((3,)), bijection)
    for x in np.random.default_rng(SEED).standard_normal((5, 3)):
        expected = 0.0
        for i, element in enumerate(order):
            known = np.full(3, 1e3)
            known[list(order[:i])] = x[list(order[:i])]
            t, raw = np.asarray(bijection.conditioner(jnp.asarray(known)))[element]
            expected += stats.norm.logpdf(x[element], t, _scale(raw, 5.0))
        np.testing.assert_allclose(flow.log_prob(x), expected, rtol=1e-10)


def test_masked_network_is_a_plain_network_with_cut_weights():
    """For 2 elements and one hidden layer the mask is known by hand: all hidden units see x_0 only."""
    bijection = randomize(b.Autoregressive.mlp(jax.random.key(0), u.Affine(), 2, network=MLPSettings((4,))), KEY, 1.0)

    def sees(layer: int, shape: tuple[int, ...]) -> np.ndarray:
        mask = np.ones(shape)
        if layer == 0:
            mask[:, 1] = 0
        else:
            mask[::2] = 0
        return mask

    x = np.array([0.4, -1.7])
    expected = _network(bijection.conditioner, x, sees).reshape(2, 2).T
    np.testing.assert_allclose(bijection.conditioner(jnp.asarray(x)), expected, rtol=1e-12)


def test_affine_coupling_density_is_a_conditional_gaussian():
    bijection = randomize(
        b.Coupling.mlp(jax.random.key(0), u.Affine(), 5, cond_dim=2, network=MLPSettings((6, 6))),
        jax.random.key(SEED),
        1.0,
    )
    flow = d.Pushforward(d.StandardNormal((5,)), bijection)
    rng = np.random.default_rng(SEED)
    for _ in range(5):
        x, condition = rng.standard_normal(5), rng.standard_normal(2)
        seen = np.concatenate([x[:2], condition])
        t, raw = _network(bijection.conditioner, seen, lambda i, shape: 1.0).reshape(2, 3)
        expected = stats.norm.logpdf(x[:2]).sum() + stats.norm.logpdf(x[2:], t, _scale(raw, 5.0)).sum()
        np.testing.assert_allclose(flow.log_prob(x, condition), expected, rtol=1e-10)


def test_linear_maps_of_a_normal_are_multivariate_normals():
    rng = np.random.default_rng(SEED)
    for linear in (b.LULinear(4), b.Householder(jax.random.key(1), 4)):
        linear = randomize(linear, KEY, 1.0)
        matrix = np.asarray(jax.jacfwd(linear.forward)(np.zeros(4)))
        flow = d.Pushforward(d.StandardNormal((4,)), linear)
        x = rng.standard_normal((10, 4))
        mean = np.asarray(linear.forward(np.zeros(4)))
        expected = stats.multivariate_normal.logpdf(x, mean, matrix @ matrix.T)  # pyright: ignore[reportArgumentType]
        np.testing.assert_allclose(flow.log_prob(x), expected, rtol=1e-8)


@pytest.mark.parametrize("count", [3, 10])
@pytest.mark.parametrize("unroll", [False, True])
def test_stack_equals_chain_of_its_layers(unroll: bool, count: int):
    layers = [
        randomize(b.Chain([_small_coupling(k), b.Permute.random(k, 3)]), k, 1.0)
        for k in jax.random.split(jax.random.key(SEED), count)
    ]
    stack, chain = b.Stack(layers, unroll=unroll), b.Chain(layers)
    z, condition = np.random.default_rng(SEED).standard_normal(3), np.ones(1)
    for name in ("forward_and_log_det", "inverse_and_log_det"):

        @eqx.filter_jit
        @partial(eqx.filter_value_and_grad, has_aux=True)
        def gradient(args: tuple, name: str = name) -> Any:
            y, log_det = getattr(args[0], name)(*args[1:])
            return jnp.sum(y**2) + log_det, (y, log_det)

        (_, values), (of_stack, *ours) = gradient((stack, z, condition))
        (_, expected), (of_chain, *theirs) = gradient((chain, z, condition))
        for a, b_ in zip(values, expected, strict=True):
            np.testing.assert_allclose(a, b_, rtol=1e-11)
        ours.append(of_stack.layer)
        theirs.append(jax.tree.map(lambda *a: jnp.stack(a), *of_chain.bijections))
        for a, b_ in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            np.testing.assert_allclose(a, b_, rtol=1e-9, atol=1e-12)


def test_networks_see_the_logarithm_of_what_is_far_out():
    x = np.array([-1e30, -110.0, -5.0, -4.9, 0.0, 4.9, 5.0, 110.0, 1e6])
    far = np.sign(x) * 5 * (1 + np.log(np.maximum(np.abs(x), 5) / 5))
    np.testing.assert_allclose(compress_tails(jnp.asarray(x)), np.where(np.abs(x) <= 5, x, far), rtol=1e-12)
    slopes = jax.grad(lambda v: compress_tails(v).sum())(jnp.asarray(x))
    np.testing.assert_allclose(slopes, np.minimum(1, 5 / np.maximum(np.abs(x), 5)), rtol=1e-12)
    assert np.isnan(compress_tails(jnp.asarray([np.nan]))[0])
