"""The contract of the heads of columns: one distribution, told in the same way by densities, draws and quantiles."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

from ..cases import HEADS, Case
from ..conftest import SEED
from .study import SCALES, made

N = 64
each_case = pytest.mark.parametrize("case", HEADS, ids=lambda case: case.name)
each_setting = pytest.mark.parametrize(("dtype", "scale"), [(d, s) for d in ("float32", "float64") for s in SCALES])


def _params(head: Any, dtype: str, scale: float) -> jax.Array:
    return jnp.asarray((scale * np.random.default_rng(SEED).standard_normal((head.num_params, N))).astype(dtype))


def _cells(low: Any, high: Any, dtype: str) -> jax.Array:
    low, high = np.broadcast_arrays(np.asarray(low, dtype), np.asarray(high, dtype))
    ends = [np.broadcast_to(low, (N,)), np.broadcast_to(high, (N,)), np.zeros(N, dtype)]
    return jnp.asarray(np.stack(ends).astype(dtype))


@each_case
@each_setting
def test_probabilities_and_densities_are_those_of_the_distribution_function(case: Case, dtype: str, scale: float):
    with jax.enable_x64(dtype == "float64"):
        head = made(case)
        params = _params(head, dtype, scale)
        low, high = head.ends
        np.testing.assert_allclose(head.cdf(params, jnp.full(N, high, dtype)), 1, atol=1e-5)
        np.testing.assert_allclose(head.cdf(params, jnp.full(N, low, dtype)), 0, atol=1e-5)
        if case.subject == "Levels":
            each = [np.exp(head.log_prob(params, _cells(k, k, dtype))) for k in range(head.num_params)]
            np.testing.assert_allclose(np.sum(each, axis=0), 1, rtol=1e-5)
            up_to = [head.cdf(params, jnp.full(N, k, dtype)) for k in range(head.num_params)]
            np.testing.assert_allclose(np.cumsum(each, axis=0), up_to, rtol=1e-5, atol=1e-6)
            return
        unit = 4.0 if case.subject == "Line" else 1.0
        for a, b in ((-0.3, 0.2), (0.05, 0.1), (0.4, 0.9)):
            a, b = (max(a, 0.0), b) if case.subject == "Turn" else (unit * a, unit * b)
            found = np.exp(head.log_prob(params, _cells(a, b, dtype)))
            wanted = head.cdf(params, jnp.full(N, b, dtype)) - head.cdf(params, jnp.full(N, a, dtype))
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=3e-6 if dtype == "float32" else 1e-12)
            at = jnp.full(N, b, dtype)
            _, slope = jax.jvp(lambda x: head.cdf(params, x), (at,), (jnp.ones(N, dtype),))
            density = np.exp(head.log_prob(params, _cells(b, b, dtype)))
            np.testing.assert_allclose(density, slope, rtol=2e-3 if dtype == "float32" else 1e-8, atol=1e-5)


@each_case
@each_setting
def test_values_and_gradients_are_finite_far_out(case: Case, dtype: str, scale: float):
    with jax.enable_x64(dtype == "float64"):
        head = made(case)
        params = _params(head, dtype, 3 * scale)
        places = {"Levels": [(0, 0)], "Turn": [(0, 0), (0.0, 1e-4), (0.9, 1.9)]}
        line = [(-1e5, 1e5), (-1e5, -30), (30, 1e5), (-1e5, -1e5), (1e5, 1e5), (0, 1e-6), (25, 25 + 1e-5)]
        for low, high in places.get(case.subject, line):
            cells = _cells(low, high, dtype)
            value, gradient = jax.value_and_grad(lambda p, cells=cells: head.log_prob(p, cells).sum())(params)
            assert np.isfinite(value)
            assert np.isfinite(gradient).all()
            features = np.asarray(head.features(cells))
            assert features.shape == (head.num_features, N)
            assert np.isfinite(features).all()
            assert np.abs(features).max() < 12


@each_case
def test_draws_follow_the_distribution(case: Case):
    head = made(case)
    params = jnp.repeat(_params(head, "float32", 1.0)[:, :1], 4000, axis=1)
    scores = head.draw(jax.random.uniform(jax.random.key(SEED), (2, 4000)), params)
    assert scores.shape == (4000,)
    low, high = head.ends
    assert ((low <= scores) & (scores <= high)).all()
    if case.subject == "Levels":
        each = [head.log_prob(params[:, :N], _cells(k, k, "float32"))[0] for k in range(head.num_params)]
        expected = np.exp(np.asarray(each))
        found = np.bincount(np.asarray(scores, int), minlength=head.num_params) / 4000
        assert (np.abs(found - expected) < 5 * np.sqrt(expected / 4000)).all()
    else:
        assert kstest(np.asarray(head.cdf(params, scores)), "uniform").pvalue > 1e-3
    nodes, weights = head.nodes(params[:, :1])
    assert weights.sum() == pytest.approx(1, rel=1e-5)
    # Of any function: here of one that oscillates.
    assert jnp.sum(weights * jnp.cos(3 * nodes)) == pytest.approx(jnp.cos(3 * scores).mean(), abs=5 / np.sqrt(4000))
    cells = np.asarray(head.cell(scores))
    turned = np.where(np.asarray(scores) < cells[0], scores + 1.0, scores)
    assert (cells[0] <= turned + 1e-6).all()
    assert (turned <= cells[1] + 1e-6).all()
    assert (cells[2] == 0).all()


@each_case
def test_parameters_of_zero_are_about_the_marginal(case: Case):
    head = made(case)
    params = jnp.zeros((head.num_params, N))
    if case.subject == "Levels":
        each = [head.log_prob(params, _cells(k, k, "float32"))[0] for k in range(head.num_params)]
        np.testing.assert_allclose(each, np.asarray(head.log_shares - np.log(np.exp(head.log_shares).sum())), atol=1e-6)
        return
    scores = jnp.linspace(-5, 5, N) if case.subject == "Line" else jnp.linspace(0, 0.99, N)
    wanted = jax.nn.sigmoid(scores) if case.subject == "Line" else scores
    np.testing.assert_allclose(head.cdf(params, scores), wanted, atol=0.03)


@each_case
def test_heads_that_are_alike_keep_their_cells(case: Case):
    head = made(case)
    if case.subject == "Levels":
        return
    other = type(head)([0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5], head.components)
    padded = head.alike([head, other])
    assert jax.tree.map(jnp.shape, padded[0]) == jax.tree.map(jnp.shape, padded[1])
    scores = jnp.linspace(0.0, 0.999, 50)
    np.testing.assert_array_equal(padded[0].cell(scores), head.cell(scores))
    assert head.family == other.family
