"""Flows on supports: standardized and fitted in the space that is not constrained."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import pushforward as pf
from pushforward import bijections as b
from pushforward.train.explain import explain
from pushforward.train.rows.batch import Batch

from ..train.test_set_from_rows import standardized

QUICK: dict[str, Any] = {"layers": 1, "hidden": (8,)}


def test_starts_from_a_normal_distribution_on_the_support(key, rng):
    """All supports in one event, under a condition: what `fit` starts from is the truth here."""
    support = b.Concatenate(
        [
            b.Identity((1,)),
            b.Exp((1,)),
            b.Sigmoid((1,), -1.0, 4.0),
            b.Softplus((1,)),
            b.Ordered(2),
            b.StickBreaking(2),
            b.CorrelationCholesky(3),
        ]
    )
    (dim,) = support.shape
    mean, root = rng.normal(size=dim), 0.5 * np.tril(rng.normal(size=(dim, dim))) + 0.5 * np.eye(dim)
    y = mean + rng.normal(size=(4000, dim)) @ root.T
    x, log_det = (np.asarray(a) for a in jax.jit(jax.vmap(support.forward_and_log_det))(y))
    condition = rng.normal(size=(4000, 1))

    flow = pf.adapt.constrain(pf.flows.real_nvp(key, dim, cond_dim=1, **QUICK), support)
    fitted = standardized(flow, x, condition)
    truth = stats.multivariate_normal.logpdf(y, mean, root @ root.T) - log_det
    assert np.mean(truth - np.asarray(fitted.log_prob(x, condition))) == pytest.approx(0, abs=0.02)


def test_fit_to_a_dirichlet_distribution(key, rng, tmp_path):
    alpha = [4.0, 2.0, 6.0]
    parts = rng.dirichlet(alpha, 6000)
    x, held_out = np.split(parts[:, :2].astype("float32"), 2)
    flow = pf.adapt.constrain(pf.flows.maf(key, 2, **QUICK), b.StickBreaking(2))
    flow = pf.fit(key, flow, x, max_epochs=10, progress=False).flow
    log_prob = np.asarray(flow.log_prob(held_out))
    truth = stats.dirichlet.logpdf(parts[3000:].T, alpha)
    assert 0 < np.mean(truth - log_prob) < 0.03
    assert flow.log_prob([0.5, 0.6]) == -np.inf

    pf.save(tmp_path / "flow.pf", flow)
    np.testing.assert_array_equal(pf.load(tmp_path / "flow.pf").log_prob(held_out), log_prob)


def test_a_row_outside_the_support_is_named(key, rng):
    flow = pf.adapt.constrain(pf.flows.maf(key, 2, **QUICK), b.StickBreaking(2))
    x = rng.dirichlet([4.0, 2.0, 6.0], 10)[:, :2]
    x[3] = 0.5
    batch = Batch(np.ones(10), x)
    assert "value is `bijection.bijections[1]` (StickBreaking), in row 3 of `x`" in explain(flow, batch, np.arange(10))


def test_another_shape_is_refused(key):
    flow = pf.flows.maf(key, 2, **QUICK)
    with pytest.raises(ValueError, match=r"`onto` must be of the flow's shape \(2,\); got \(3,\). A part"):
        pf.adapt.constrain(flow, b.StickBreaking(3))


def test_a_support_stands_for_the_map_onto_it(key):
    flow = pf.flows.maf(key, 3, **QUICK)
    support = pf.supports.Product([pf.supports.Real((1,)), pf.supports.Interval(0.0, [2.0, 3.0])])
    given = pf.adapt.constrain(flow, support)
    assert given.support.equals(support)
    by_map = pf.adapt.constrain(flow, b.Concatenate([b.Identity((1,)), b.NormalCDF((2,), 0.0, [2.0, 3.0])]))
    assert jax.tree.structure(given) == jax.tree.structure(by_map)
    with pytest.raises(ValueError, match="`support` must be one that all real arrays can be mapped onto"):
        pf.adapt.constrain(flow, pf.supports.Categories(3, (3,)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["log-normal", "dirichlet", "lkj"])
def test_held_out_log_likelihood_is_near_the_truth(key, rng, name: str):
    if name == "log-normal":
        covariance: Any = np.array([[1.0, 0.7, 0.0], [0.7, 1.0, -0.3], [0.0, -0.3, 0.5]])
        support, x = b.Softplus((3,)), np.exp(rng.multivariate_normal(np.zeros(3), covariance, 30_000))
        truth = stats.multivariate_normal.logpdf(np.log(x), np.zeros(3), covariance) - np.log(x).sum(axis=1)
    elif name == "dirichlet":
        alpha = np.array([0.7, 2.0, 5.0, 1.0])
        parts = rng.dirichlet(alpha, 30_000)
        support, x, truth = b.StickBreaking(3), parts[:, :3], stats.dirichlet.logpdf(parts.T, alpha)
    else:
        from numpyro.distributions import LKJCholesky

        lkj = LKJCholesky(3, 1.5)
        factors = lkj.sample(key, (30_000,))
        support, x = b.CorrelationCholesky(3), np.asarray(factors)[:, *np.tril_indices(3, -1)]
        truth = np.asarray(lkj.log_prob(factors))
    flow = pf.adapt.constrain(pf.flows.nsf(key, 3, layers=2, hidden=(32, 32)), support)
    flow = pf.fit(key, flow, x[:20_000].astype("float32"), max_epochs=40, progress=False).flow
    excess = truth[20_000:] - np.asarray(flow.log_prob(x[20_000:].astype("float32")))
    assert 0 < excess.mean() < 0.02
