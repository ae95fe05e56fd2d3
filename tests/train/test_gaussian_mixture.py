"""Mixtures of Gaussians fitted to rows: what they recover, and rows that are hardly data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward.distributions import GaussianMixture
from pushforward.train.start import gaussian_mixture
from pushforward.train.start.gaussian_mixture import fit_gaussian_mixture

from ..conftest import SEED

ANGLES = 2 * np.pi * np.arange(8) / 8
CIRCLE = GaussianMixture(
    np.ones(8), 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1), np.tile(0.15**2 * np.eye(2), (8, 1, 1))
)


def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


def count(mixture: GaussianMixture) -> int:
    return len(mixture.logits)


def kl(truth: GaussianMixture, mixture: GaussianMixture) -> float:
    x, log_prob = truth.sample_and_log_prob(jax.random.key(SEED + 1), 50_000)
    return float(jnp.mean(log_prob - mixture.log_prob(x)))


def banana(n: int) -> np.ndarray:
    z = rng().standard_normal((n, 2))
    return np.stack([z[:, 0], z[:, 0] ** 2 + 0.3 * z[:, 1]], axis=1)


def test_eight_gaussians_on_a_circle():
    """47 parameters cost 47 / (2 · 5000) = 0.0047 nats on average, by as much as chance gives."""
    x = np.asarray(CIRCLE.sample(jax.random.key(SEED), 5000))
    mixture = fit_gaussian_mixture(x, None, None, rng())
    assert count(mixture) == 8
    assert kl(CIRCLE, mixture) < 0.005


@pytest.mark.parametrize(("n", "dim"), [(300, 1), (500, 5), (3000, 3)])
def test_a_gaussian_has_one_component_with_its_moments(n: int, dim: int):
    x = rng().standard_normal((n, dim)) @ rng().standard_normal((dim, dim)) * 100 + 1e4
    mixture = fit_gaussian_mixture(x, None, None, rng())
    assert count(mixture) == 1
    np.testing.assert_allclose(mixture.locs[0], x.mean(axis=0), rtol=1e-6)
    factor = np.asarray(mixture._factors()[0])
    np.testing.assert_allclose(factor @ factor.T, np.cov(x.T, bias=True).reshape((dim, dim)), rtol=1e-3, atol=0.1)


def test_as_good_as_scikit_learn():
    reason = "compares with scikit-learn, which is in the extra `test`"
    mixture, datasets = (pytest.importorskip(f"sklearn.{m}", reason=reason) for m in ("mixture", "datasets"))
    tables = [
        (banana(2000), 6),
        (np.asarray(CIRCLE.sample(jax.random.key(SEED), 1000)), 8),
        (datasets.load_iris().data, 3),
    ]
    for x, components in tables:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        theirs = mixture.GaussianMixture(components, random_state=SEED).fit(x).score(x)
        ours = fit_gaussian_mixture(x, None, None, rng(), (components,)).log_prob(x).mean()
        assert float(ours) > theirs - 0.01


def test_weights_count_as_copies():
    x = banana(600)
    repeats = rng().integers(0, 4, len(x))
    copied = fit_gaussian_mixture(np.repeat(x, repeats, axis=0), None, None, rng(), (1,))
    weighted = fit_gaussian_mixture(x, None, repeats.astype(float), rng(), (1,))
    np.testing.assert_allclose(weighted.log_prob(x), copied.log_prob(x), rtol=1e-5)
    half = fit_gaussian_mixture(x, None, (x[:, 0] > 0).astype(float), rng(), (2,))
    same = fit_gaussian_mixture(x[x[:, 0] > 0], None, None, rng(), (2,))
    np.testing.assert_allclose(half.log_prob(x), same.log_prob(x), rtol=1e-3, atol=1e-2)


def test_conditional_density_of_a_curve():
    """y given c in a noisy curve, where no Gaussian is right."""
    data = banana(4000)
    condition, x = data[:, :1], data[:, 1:]
    mixture = fit_gaussian_mixture(x, condition, None, rng())
    assert mixture.shape == mixture.cond_shape == (1,)
    truth = -0.5 * np.square((x - condition**2) / 0.3) - np.log(0.3 * np.sqrt(2 * np.pi))
    gap = truth[:, 0] - np.asarray(mixture.log_prob(x, condition))
    assert gap.mean() < 0.15


def test_the_same_generator_gives_the_same_mixture():
    first, second = (fit_gaussian_mixture(banana(500), None, None, rng(), (1, 3)) for _ in range(2))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_blocks_and_samples_give_what_all_rows_at_once_give(monkeypatch: pytest.MonkeyPatch):
    x = banana(3000)
    whole = fit_gaussian_mixture(x, None, None, rng(), (4,)).log_prob(x).mean()
    monkeypatch.setattr(gaussian_mixture, "MAX_ELEMENTS", 6 * 700)
    monkeypatch.setattr(gaussian_mixture, "CLUSTERED", 500)
    blocks = fit_gaussian_mixture(x, None, None, rng(), (4,)).log_prob(x).mean()
    np.testing.assert_allclose(blocks, whole, atol=0.05)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((50, 2)),
        np.tile([[1.0, 2.0]], (1, 1)),
        np.repeat(np.eye(3), 40, axis=0),
        np.stack([np.arange(100.0), np.full(100, 7.0)], axis=1),
        np.stack([np.arange(100.0), 2 * np.arange(100.0)], axis=1),
        np.concatenate([np.random.default_rng(0).standard_normal((200, 2)), [[1e9, -1e9]]]),
        np.random.default_rng(0).standard_normal((5, 12)),
        np.random.default_rng(0).standard_normal((150, 70)),
        np.random.default_rng(0).integers(0, 3, (200, 3)),
        1e-20 * np.random.default_rng(0).standard_normal((100, 2)),
        1e20 * np.random.default_rng(0).standard_normal((100, 2)),
    ],
    ids=[
        "constant",
        "one-row",
        "three-points",
        "constant-column",
        "collinear",
        "outlier",
        "wide",
        "many-columns",
        "whole",
        "tiny",
        "huge",
    ],
)
def test_rows_that_are_hardly_data(x: np.ndarray):
    for weights in (None, np.linspace(0, 1, len(x)) if len(x) > 1 else np.ones(1)):
        mixture = fit_gaussian_mixture(x, None, weights, rng(), (1, 2, 3, 5))
        assert np.all(np.isfinite(mixture.log_prob(np.asarray(x, float))))


X = np.zeros((5, 2))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("x", {"x": X[:, 0]}),
        ("condition", {"condition": X[:3]}),
        ("weights", {"weights": np.ones(4)}),
        ("weights", {"weights": np.zeros(5)}),
        ("counts", {"counts": (0,)}),
        ("counts", {"counts": ()}),
    ],
)
def test_bad_arguments_are_named(name: str, arguments: dict[str, Any]):
    given: dict[str, Any] = {"x": X, "condition": None, "weights": None, "rng": rng()} | arguments
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        fit_gaussian_mixture(**given)
