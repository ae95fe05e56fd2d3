"""A mixture of Gaussians stands beside a flow where held-out rows gain by it, and only there."""

from typing import Any

import jax
import numpy as np
import pytest

from pushforward import adapt, bijections, distributions, flows
from pushforward.train import fit
from pushforward.train.gaussians import _best_share

QUICK: dict[str, Any] = {"progress": False, "max_epochs": 3}


def small(key: jax.Array, dim: int = 2, **settings: Any) -> Any:
    return flows.real_nvp(key, dim, layers=1, hidden=(8,), **settings)


def two_clusters(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=(n, 2)) * 0.1 + 5 * rng.integers(2, size=(n, 1))


def test_a_few_steps_on_two_clusters_are_no_worse_than_the_gaussians(key, rng):
    fresh = two_clusters(rng, 2000)
    truth = distributions.GaussianMixture([1.0, 1.0], [[0.0, 0.0], [5.0, 5.0]], np.stack([0.01 * np.eye(2)] * 2))
    result: Any = fit(key, small(key), two_clusters(rng, 400), **QUICK)
    assert isinstance(result.flow, distributions.Mixture)
    assert isinstance(result.flow.components[1], distributions.GaussianMixture)
    found = float(np.mean(truth.log_prob(fresh) - result.flow.log_prob(fresh)))
    assert found < 0.05
    alone: Any = fit(key, small(key), two_clusters(rng, 400), gaussians=False, **QUICK)
    assert float(np.mean(truth.log_prob(fresh) - alone.flow.log_prob(fresh))) > 0.5


@pytest.mark.parametrize("members", [1, 2])
def test_a_flow_that_is_as_good_stays_as_it_is(key, rng, members):
    x = rng.normal(size=(600, 1))
    result: Any = fit(key, small(key, 1), x, members=members, **QUICK)
    found = [result.flow] if members == 1 else list(result.flow.components)
    assert [type(part) for part in found] == [distributions.Pushforward] * members


def test_the_condition_counts(key, rng):
    c = rng.uniform(-1, 1, size=(500, 1))
    y = np.where(rng.random((500, 1)) < 0.5, 3.0, -3.0) + c + 0.1 * rng.normal(size=(500, 1))
    result: Any = fit(key, small(key, 1, cond_dim=1), y, c, **QUICK)
    assert result.flow.components[1].cond_shape == (1,)
    assert float(result.flow.log_prob(y, c).mean()) > -0.2


def test_which_flows_may_have_one(key, rng):
    x = np.abs(rng.normal(size=(100, 2)))
    positive = adapt.constrain(small(key), bijections.Exp((2,)))
    assert type(fit(key, positive, x, members=1, **QUICK).flow) is distributions.Pushforward
    with pytest.raises(ValueError, match="`gaussians` must be False unless"):
        fit(key, positive, x, gaussians=True, **QUICK)
    with pytest.raises(ValueError, match="`gaussians` must be False unless"):
        fit(key, small(key), x, gaussians=True, noise=0.1, **QUICK)
    fitted: Any = fit(key, small(key), x, members=1, gaussians=False, **QUICK).flow
    assert type(fit(key, fitted, x, **QUICK).flow) is distributions.Pushforward


def test_the_best_share_is_that_of_a_grid(rng):
    log_q, log_g, weight = rng.normal(size=200), rng.normal(size=200) - 0.3, rng.uniform(0.5, 1.5, 200)
    grid = np.linspace(0.001, 0.999, 999)
    mixed = np.logaddexp(np.log(grid)[:, None] + log_q, np.log1p(-grid)[:, None] + log_g) @ weight
    share, gain = _best_share(log_q, log_g, weight)
    best = (mixed + np.log(grid) + np.log1p(-grid)).argmax()
    assert share == pytest.approx(grid[best], abs=1e-3)
    assert gain == pytest.approx((mixed[best] - weight @ log_q) / 200, abs=1e-5)
    assert _best_share(np.full(50, -np.inf), np.zeros(50), np.ones(50))[0] < 0.03
