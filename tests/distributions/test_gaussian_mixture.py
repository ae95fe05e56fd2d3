"""Mixtures of Gaussians against SciPy and against quadrature, far out, and what they refuse."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from pushforward.distributions import GaussianMixture

from ..cases import cast
from ..conftest import SEED

WEIGHTS = np.array([1.0, 3.0, 2.0])


def parameters(dim: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(SEED)
    roots = rng.standard_normal((3, dim, dim))
    return rng.standard_normal((3, dim)), roots @ roots.swapaxes(1, 2) + 0.1 * np.eye(dim)


def expected(x: np.ndarray, locs: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    each = [stats.multivariate_normal.logpdf(x, m, s) for m, s in zip(locs, covariances, strict=True)]  # pyright: ignore[reportArgumentType]
    return np.asarray(logsumexp(np.stack(each) + np.log(WEIGHTS / WEIGHTS.sum())[:, None], axis=0))


@pytest.mark.parametrize("dim", [1, 4])
def test_density_is_scipys(dim: int):
    locs, covariances = parameters(dim)
    x = np.random.default_rng(1).standard_normal((50, dim)) * 5
    for mixture in (
        GaussianMixture(WEIGHTS, locs, covariances),
        GaussianMixture(WEIGHTS, locs, factors=np.linalg.cholesky(covariances)),
    ):
        np.testing.assert_allclose(mixture.log_prob(x), expected(x, locs, covariances), rtol=1e-9)


def test_conditional_is_the_joint_over_its_integral():
    """By the trapezoidal rule over x, at conditions near and far."""
    locs, covariances = parameters(3)
    mixture = GaussianMixture(WEIGHTS, locs, covariances, cond_dim=2)
    assert mixture.shape == (1,)
    assert mixture.cond_shape == (2,)
    x = np.linspace(-60, 60, 40001)
    for condition in ([0.3, -0.5], [4.0, 2.0], [-6.0, 3.0]):
        joint = expected(np.column_stack([np.tile(condition, (len(x), 1)), x]), locs, covariances)
        log_mass = logsumexp(joint) + np.log(x[1] - x[0])
        given = np.asarray(mixture.log_prob(x[:, None], condition))
        seen = joint - joint.max() > -30
        np.testing.assert_allclose(given[seen], (joint - log_mass)[seen], rtol=1e-7, atol=1e-7)


def test_conditional_draws_follow_the_conditional_density():
    locs, covariances = parameters(3)
    mixture = GaussianMixture(WEIGHTS, locs, covariances, cond_dim=2)
    condition = np.array([1.0, -1.5])
    draws = np.sort(np.asarray(mixture.sample(jax.random.key(SEED), 5000, condition))[:, 0])
    grid = np.linspace(-40, 40, 20001)
    density = np.exp(np.asarray(mixture.log_prob(grid[:, None], condition)))
    cumulative = np.cumsum(density) * (grid[1] - grid[0])
    assert stats.kstest(draws, lambda x: np.interp(x, grid, cumulative)).pvalue > 1e-3


def test_float32_is_finite_far_out():
    locs, covariances = parameters(4)
    far = jnp.asarray([1e6, -1e6, 1e15, 1e25, -1e38, np.inf], jnp.float32)
    x = jnp.broadcast_to(far[:, None], (6, 4))
    plain = cast(GaussianMixture(WEIGHTS, locs, covariances), "float32")
    given = cast(GaussianMixture(WEIGHTS, locs, covariances, cond_dim=2), "float32")
    near = jnp.zeros((6, 2), jnp.float32)
    for log_prob in (
        plain.log_prob(x),
        given.log_prob(x[:, :2], near),
        given.log_prob(near, x[:, :2]),
        given.log_prob(x[:, :2], x[:, :2]),
    ):
        assert np.all(np.isfinite(log_prob))
    np.testing.assert_allclose(plain.log_prob(x[:2]), expected(np.asarray(x[:2]), locs, covariances), rtol=1e-4)
    assert np.all(np.isfinite(given.sample(jax.random.key(SEED), (), x[:, :2])))
    gradients = jax.vmap(jax.grad(given.log_prob, (0, 1)))(x[:2, :2], x[:2, 2:])
    assert np.all(np.isfinite(gradients))


def test_float32_keeps_its_digits_far_from_zero_and_between_narrow_components():
    locs = np.array([[1000.0, -2000.0], [1001.0, -2000.0], [1000.0, -1999.0]])
    covariances = np.full((3, 2, 2), 1e-4) * (np.eye(2) + 0.9)
    mixture = cast(GaussianMixture(WEIGHTS, locs, covariances), "float32")
    x = np.asarray(locs + 0.015625, np.float32)
    # A float of that size is half a hundredth of a standard deviation from the next.
    np.testing.assert_allclose(mixture.log_prob(x), expected(x, locs, covariances), atol=0.02)


LOCS, UNITS = np.zeros((2, 3)), np.tile(np.eye(3), (2, 1, 1))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("locs", {"locs": np.zeros(3)}),
        ("locs", {"cond_dim": 3}),
        ("locs", {"locs": np.full((2, 3), np.nan)}),
        ("weights", {"weights": [1.0, 0.0]}),
        ("weights", {"weights": [1.0]}),
        ("covariances", {"covariances": np.eye(3)}),
        ("covariances", {"covariances": UNITS + np.inf}),
        ("covariances", {"covariances": UNITS + np.triu(np.ones((3, 3)), 1)}),
        ("covariances", {"covariances": -UNITS}),
        ("covariances", {"covariances": None}),
        ("covariances", {"factors": UNITS}),
        ("factors", {"covariances": None, "factors": -UNITS}),
        ("cond_dim", {"cond_dim": -1}),
    ],
)
def test_bad_arguments_are_named(name: str, arguments: dict[str, Any]):
    given: dict[str, Any] = {"weights": [1.0, 1.0], "locs": LOCS, "covariances": UNITS} | arguments
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        GaussianMixture(**given)
