"""The distributions."""

import jax
import jax.numpy as jnp

from pushforward import bijections as b
from pushforward import distributions as d
from pushforward import flows as f
from pushforward import networks as c

from ._case import Case
from .bijections import EMPTY, autoregressive, coupling
from .flows import flow
from .networks import tree_embedding

COVARIANCE = [[2.0, 0.6], [0.6, 0.5]]
COVARIANCES = [COVARIANCE, [[0.1, 0.0], [0.0, 0.2]]]
SPREADS = jnp.array([0.5, 1.0, 2.0])[:, None, None]
MASK = "an element is there or it is not"
OBSERVED = [[0.3, -1.0], [2.0, 0.5], [0.0, 0.0], [-0.7, 1.2], [1.1, -0.4]]


def embedded(key: jax.Array) -> d.Embedded:
    return d.Embedded(flow(f.real_nvp, 2, cond_dim=5)(key), tree_embedding(key))


DISTRIBUTIONS = [
    Case("StandardNormal:", lambda key: d.StandardNormal((3,))),
    Case("StandardNormal:scalar", lambda key: d.StandardNormal(())),
    Case("Normal:", lambda key: d.Normal([0.5, -2.0], [0.1, 3.0])),
    Case("Normal:scalar", lambda key: d.Normal(1.0, 2.0)),
    Case("MultivariateNormal:", lambda key: d.MultivariateNormal([1.0, -1.0], COVARIANCE)),
    Case("MultivariateNormal:one", lambda key: d.MultivariateNormal([1.0], [[4.0]]), dead={".off_diagonal": EMPTY}),
    Case("Conditioned:", lambda key: d.Conditioned(flow(f.real_nvp, 2, cond_dim=2)(key), [0.5, -1.0]), composed=True),
    Case(
        "Embedded:",
        lambda key: d.Embedded(flow(f.real_nvp, 2, cond_dim=3)(key), c.DeepSet(key, (4, 2), 3, width=6)),
        composed=True,
    ),
    Case("Embedded:tree", embedded, composed=True, dead={"['mask']": MASK}),
    Case(
        "Conditioned:tree",
        lambda key: d.Conditioned(
            embedded(key), {"set": {"values": OBSERVED, "mask": [True, True, False, True, True]}, "rest": [0.5, -1.0]}
        ),
        composed=True,
    ),
    Case(
        "Mixture:embedded",
        lambda key: d.Mixture([embedded(k) for k in jax.random.split(key)]),
        composed=True,
        dead={"['mask']": MASK},
    ),
    Case("Mixture:", lambda key: d.Mixture([d.Normal([0.5, -2.0], 0.3), d.Logistic([-1.0, 0.0], 0.5)], [3.0, 1.0])),
    Case("Mixture:scalar", lambda key: d.Mixture([d.Normal(-1.0, 0.5), d.Normal(2.0, 0.2)])),
    Case(
        "Mixture:conditional",
        lambda key: d.Mixture([flow(f.real_nvp, 2, cond_dim=2)(k) for k in jax.random.split(key)]),
        composed=True,
    ),
    Case("GaussianMixture:", lambda key: d.GaussianMixture([1.0, 3.0], [[1.0, -1.0], [-0.5, 0.0]], COVARIANCES)),
    Case(
        "GaussianMixture:one",
        lambda key: d.GaussianMixture([1.0, 2.0], [[1.0], [-1.0]], [[[4.0]], [[0.25]]]),
        dead={".off_diagonal": EMPTY},
    ),
    Case(
        "GaussianMixture:conditional",
        lambda key: d.GaussianMixture(
            [1.0, 2.0, 1.0],
            jax.random.normal(key, (3, 4)),
            factors=jnp.tril(jnp.full((4, 4), 0.5))[None] * SPREADS,
            cond_dim=2,
        ),
    ),
    Case(
        "ResidualMixture:",
        lambda key: d.ResidualMixture(key, 3, 0.7, components=3, width=6),
        composed=True,
    ),
    Case(
        "ResidualMixture:one",
        lambda key: d.ResidualMixture(key, 2, components=1, width=4),
        composed=True,
        dead={".heads[0]": "", ".head_biases[0]": ""},
    ),
    Case("Uniform:", lambda key: d.Uniform([-1.0, 0.0], [1.0, 0.5])),
    Case("Uniform:scalar", lambda key: d.Uniform(-2.0, 3.0)),
    Case("StudentT:", lambda key: d.StudentT([5.0, 8.0], 0.5, [1.0, 0.3])),
    Case("StudentT:scalar", lambda key: d.StudentT(6.0)),
    Case("Logistic:", lambda key: d.Logistic([0.0, 2.0], 0.5)),
    Case("Logistic:scalar", lambda key: d.Logistic(-1.0, 2.0)),
    Case(
        "Pushforward:to-positive",
        lambda key: d.Pushforward(d.Normal(jnp.zeros(1), 0.5), b.Exp((1,))),
    ),
    Case(
        "Pushforward:to-interval",
        lambda key: d.Pushforward(d.Logistic(0.0, 1.0), b.Sigmoid((), -1.0, 2.0)),
    ),
    Case(
        "Pushforward:to-simplex",
        lambda key: d.Pushforward(d.Normal([0.5, -0.5], [0.5, 1.0]), b.StickBreaking(2)),
    ),
    Case(
        "Pushforward:conditional",
        lambda key: d.Pushforward(d.StandardNormal((2,)), coupling(key, 2, cond_dim=2)),
        composed=True,
    ),
    Case(
        "Pushforward:conditional-base",
        lambda key: d.Pushforward(
            d.Pushforward(d.StandardNormal((2,)), autoregressive(key, 2, cond_dim=2)), b.LULinear(2)
        ),
        composed=True,
    ),
]
