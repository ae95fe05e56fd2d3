"""Mass-covering divergences, estimated with self-normalized importance weights."""

from dataclasses import dataclass
from typing import final

import jax
import jax.numpy as jnp

from ...._errors import require
from ...._types import Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ...rows.batch import Batch
from ._base import AbstractDensityObjective, Target, accumulated, constant, weighted_sum


@final
@dataclass(frozen=True)
class ForwardKL(AbstractDensityObjective):
    """KL(p | q) = E_p[log p(x) - log q(x)], with draws of q weighted by w ∝ p / q.

    It is mass-covering: it punishes a flow that misses mass of p, but cannot find a mode where the flow makes no draws.
    The weights are biased in small batches. They are cut at sqrt(n) times their mean, so that no single draw
    dominates a step.

    Reference:
        "Reweighted Wake-Sleep", Bornschein, Bengio, 2015; "Truncated Importance Sampling", Ionides, 2008.
    """

    shared = False
    zeros = True
    epoch = 50
    annealing = 0.0

    def loss(self, flow: AbstractDistribution, target: Target, batch: Batch, key: Key) -> Scalar:
        """Return -Σ w log q(x) of draws x."""
        return _cross_entropy(1.0, flow, target, batch.weight, key)


@final
@dataclass(frozen=True)
class AlphaDivergence(AbstractDensityObjective):
    """Minimize E_p[(p / q)^(α - 1)], with draws of q weighted by w ∝ (p / q)^α.

    With α = 2 this is the variance of the importance weights, which decides the effective sample size in
    `pf.evaluate.importance`. It covers the mass of p more than `ForwardKL`, but its weights are noisier. They are cut
    in the same way.

    Arguments:
        alpha: above 0; 1 is `ForwardKL`.

    Reference:
        "Black-Box α-Divergence Minimization", Hernández-Lobato, Li, Rowland, Hernández-Lobato, Bui, Turner, 2016.
    """

    alpha: float | int = 2.0
    shared = False
    zeros = True
    epoch = 50
    annealing = 0.0

    def __post_init__(self) -> None:
        """Check alpha."""
        require(self.alpha > 0, "alpha", "positive", self.alpha)

    def loss(self, flow: AbstractDistribution, target: Target, batch: Batch, key: Key) -> Scalar:
        """Return -Σ w log q(x) of draws x, whose gradient is that of the divergence up to a factor."""
        return _cross_entropy(float(self.alpha), flow, target, batch.weight, key)


def _cross_entropy(power: float, flow: AbstractDistribution, target: Target, weight: Scalars, key: Key) -> Scalar:
    x, log_q = constant(flow).sample_and_log_prob(key, (len(weight),))
    log_w = jax.lax.stop_gradient(jnp.where(weight > 0, power * (target(x) - log_q), -jnp.inf))
    w = jax.nn.softmax(log_w)
    n = jnp.sum(weight > 0)
    w = jnp.minimum(w, 1 / jnp.sqrt(n))
    w = w / w.sum()
    x = jax.lax.stop_gradient(x)
    return accumulated(lambda _, w, x: -weighted_sum(w, flow.log_prob(x)), key, w, x)
