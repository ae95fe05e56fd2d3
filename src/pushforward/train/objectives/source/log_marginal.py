"""Marginal likelihood: learn the distribution of parameters from events that a simulator generated with them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...._errors import require, require_count
from ...._fields import FIXED
from ...._types import Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ....parallel.compile import compiled
from ...rows.batch import Batch

#: Number of draws of the source whose gradient is held in memory at once, with a batch of 128 events.
PIECE = 128
#: Ratio of the probabilities of successive levels: below 1/2, for a bounded mean cost, and above 1/4, for a bounded
#: variance.
RARER = 2**-1.5

#: (key, draws) -> log-weight of each event at each draw; the expectation of the weights is p(x_i).
LogWeights = Callable[[Key, int], Float[Array, "rows draws"]]


@final
class Simulated(eqx.Module):
    """Events of a simulator whose parameters are random, p(x) = ∫ p(x | theta) p(theta) dtheta.

    Attributes:
        source: p(theta), unconditional; the part that is learned.
        surrogate: p(x | theta), conditioned on theta, or a function (x, theta) -> log p(x | theta) of single events.
        proposal: q(theta | x), or None.
    """

    source: AbstractDistribution
    surrogate: Any = eqx.field(metadata=FIXED)
    proposal: AbstractDistribution | None = eqx.field(metadata=FIXED)

    def log_weights(self, x: Float[Array, "rows ..."], key: Key, draws: int) -> Float[Array, "rows draws"]:
        """Return log-weights; the mean of the weights over draws is an unbiased estimate of p(x_i).

        Without a proposal, the weights are the likelihood at draws of the source, the same for all events. With a
        proposal, they are p(x | theta) p(theta) / q(theta | x) at its draws, which differ between events. Draws of the
        source are treated as draws of a proposal equal to it: the gradient is that of the source's density at fixed
        draws, not of the draws. So a source learns from the draws that explain an event, as in expectation
        maximization, and the surrogate is not differentiated.
        """
        x = x[:, None]
        if self.proposal is None:
            theta = jax.lax.stop_gradient(self.source.sample(key, (1, draws)))
            log_p = self.source.log_prob(theta)
            # The value is zero, the gradient that of log p less its mean, which has expectation zero but adds noise.
            change = log_p - jax.lax.stop_gradient(log_p)
            return self._log_likelihood(x, theta) + change - change.mean()
        theta, log_q = jax.lax.stop_gradient(self.proposal.sample_and_log_prob(key, (draws,), x[:, 0]))
        theta, log_q = jnp.moveaxis(theta, 0, 1), jnp.moveaxis(log_q, 0, 1)
        return self._log_likelihood(x, theta) + self.source.log_prob(theta) - log_q

    def _log_likelihood(self, x: Array, theta: Array) -> Float[Array, "rows draws"]:
        if isinstance(self.surrogate, AbstractDistribution):
            return self.surrogate.log_prob(x, theta)
        of_draws = jax.vmap(self.surrogate, (None, 0))
        if len(theta) == 1:
            return jax.vmap(of_draws, (0, None))(x[:, 0], theta[0]).astype(x.dtype)
        return jax.vmap(of_draws)(x[:, 0], theta).astype(x.dtype)


class AbstractLogMarginal(ABC):
    """An estimator of log p(x) = log E[w] from draws of w."""

    @property
    @abstractmethod
    def most_draws(self) -> int:
        """The largest number of draws that the estimator makes."""

    @abstractmethod
    def __call__(self, log_weights: LogWeights, key: Key) -> Scalars:
        """Return an estimate for each row of the weights."""


@final
@dataclass(frozen=True)
class LogMeanExp(AbstractLogMarginal):
    """log (1/K) Σ_k w_k: never too high in expectation; too low by Var[w] / (2 K p(x)²) for large K.

    The bias is largest if few draws of the source explain an event, and therefore favours sources that are too wide.

    Arguments:
        draws: K.

    Reference:
        "Importance Weighted Autoencoders", Burda, Grosse, Salakhutdinov, 2016; "Neural Empirical Bayes", Vandegar,
        Kagan, Wehenkel, Louppe, 2021.
    """

    draws: int = 512

    def __post_init__(self) -> None:
        """Check the count."""
        require_count("draws", self.draws)

    @property
    def most_draws(self) -> int:
        """The number of draws."""
        return self.draws

    def __call__(self, log_weights: LogWeights, key: Key) -> Scalars:
        """Return the log of the mean weight of each row."""
        pieces = math.ceil(self.draws / PIECE)
        return log_mean(_log_means(log_weights, key, pieces, math.ceil(self.draws / pieces)))


@final
@dataclass(frozen=True)
class Debiased(AbstractLogMarginal):
    """log (1/K) Σ w of K draws, plus a randomized correction that replaces further draws.

        Σ_j Δ_j c_j,   Δ_j = log mean of K 2^j draws - mean of the log means of its two halves

    The level l is random, P(l) ∝ 2^(-1.5 l), and the estimator makes K 2^l draws, about 2 K on average. Its expectation
    is that of `LogMeanExp` with K 2^`levels` draws: a smaller bias for a larger variance. If few draws explain an
    event, rare large corrections need a smaller learning rate.

    Arguments:
        draws: K.
        levels: the largest level.
        terms: "single" takes the correction of level l alone, c_j = [j = l] / P(l); "roulette" takes the corrections of
            all levels up to l, c_j = [j <= l] / P(l >= j).

    Reference:
        "Unbiased Estimation with Square Root Convergence for SDE Models", Rhee, Glynn, 2015; "SUMO: Unbiased Estimation
        of Log Marginal Probability for Latent Variable Models", Luo, Beatson, Norouzi, Zhu, Duvenaud, Adams, Chen,
        2020 (roulette); "Efficient Debiased Evidence Estimation by Multilevel Monte Carlo Sampling", Ishikawa, Goda,
        2021 (the levels).
    """

    draws: int = 64
    levels: int = 5
    terms: Literal["single", "roulette"] = "single"

    def __post_init__(self) -> None:
        """Check the counts and the name."""
        require_count("draws", self.draws)
        require_count("levels", self.levels)
        require(self.terms in ("single", "roulette"), "terms", '"single" or "roulette"', self.terms)

    @property
    def most_draws(self) -> int:
        """The number of draws at the largest level."""
        return self.draws * 2**self.levels

    def __call__(self, log_weights: LogWeights, key: Key) -> Scalars:
        """Return an estimate for each row, with the same level for all rows."""
        of_level, of_draws = jax.random.split(key)
        p = RARER ** np.arange(self.levels + 1)
        p /= p.sum()
        level = jax.random.choice(of_level, self.levels + 1, p=jnp.asarray(p))
        # Pieces beyond 2^level are 0 and not computed.
        pieces = _log_means(log_weights, of_draws, 2**self.levels, self.draws, 2**level)
        estimate = pieces.sum(axis=0) / 2**level
        means = pieces
        for j in range(1, self.levels + 1):
            halves = means.reshape((-1, 2, means.shape[-1]))
            means = log_mean(halves, axis=1)
            # Average over all complete pairs, for the least variance.
            pairs = jnp.maximum(2**level // 2**j, 1)
            there = (jnp.arange(len(means)) < pairs)[:, None] & (level >= j)
            change = jnp.sum(jnp.where(there, means - halves.mean(axis=1), 0.0), axis=0) / pairs
            chosen = level == j if self.terms == "single" else level >= j
            weight = 1 / (p[j] if self.terms == "single" else p[j:].sum())
            estimate = estimate + jnp.where(chosen, weight, 0.0) * change
        return estimate


def log_mean(log_values: Float[Array, "..."], axis: int = 0) -> Float[Array, "..."]:
    """Return the log of the mean of exp along an axis."""
    return jax.nn.logsumexp(log_values, axis=axis) - math.log(log_values.shape[axis])


def _log_means(
    log_weights: LogWeights, key: Key, pieces: int, draws: int, wanted: Any = None
) -> Float[Array, "pieces rows"]:
    """Return the log of the mean weight of each piece of draws; 0 for pieces beyond the number wanted."""

    @jax.checkpoint
    def of_piece(key: Key) -> Scalars:
        return log_mean(log_weights(key, draws), axis=1)

    keys = jax.random.split(key, pieces)
    if pieces == 1:
        return of_piece(key)[None]
    if wanted is None:
        return jax.lax.map(of_piece, keys)
    nothing = jnp.zeros_like(jax.eval_shape(of_piece, key))

    def maybe(i_and_key: tuple[Array, Key]) -> Scalars:
        return jax.lax.cond(i_and_key[0] < wanted, of_piece, lambda key: nothing, i_and_key[1])

    return jax.lax.map(maybe, (jnp.arange(pieces), keys))


@final
@dataclass(frozen=True)
class NegativeLogMarginal:
    """The loss of a batch, Σ_i w_i (-log p(x_i)). Equal for equal fits, so that a second need not compile again."""

    estimator: AbstractLogMarginal

    def __call__(self, model: Simulated, batch: Batch, key: Key) -> Scalar:
        """Return the loss; the batch has events and weights."""

        def log_weights(key: Key, draws: int) -> Float[Array, "rows draws"]:
            return model.log_weights(batch.x, key, draws)

        return -jnp.sum(batch.weight * self.estimator(log_weights, key))


@compiled
def log_marginals(
    model: Simulated, batches: Batch, key: Key, estimator: AbstractLogMarginal
) -> Float[Array, "lines rows"]:
    """Return estimates of log p(x) of each row of stacked batches, with the same draws for all of them."""

    def of_batch(batch: Batch) -> Scalars:
        return estimator(lambda key, draws: model.log_weights(batch.x, key, draws), key)

    return jax.lax.map(of_batch, batches)
