"""Importance sampling with a flow as the proposal: diagnostics, and weights that correct its draws."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import bad, require_count, require_key
from .._types import Key
from ..distributions._base import AbstractDistribution

#: Number of draws at which a log-density is evaluated together.
TOGETHER = 4096
#: Largest Pareto k-hat for which estimates from few draws are accurate, and for which smoothed estimates are reliable.
GOOD, USABLE = 0.5, 0.7


@final
@dataclass(frozen=True)
class Importance:
    """Draws of a flow q with importance weights p / q towards a density p.

    Attributes:
        draws: shape (n, *shape), from the flow.
        log_weights: shape (n,), log p - log q, without smoothing; -inf where p is zero.
        smoothed: shape (n,), log of the Pareto-smoothed weights, which add up to one.
        ess: effective sample size, (Σ w)² / Σ w², of the weights without smoothing, between 1 and n.
        khat: shape of the tail of the weights: they have fewer than 1 / khat moments. -inf if all weights are equal.
        log_z: log of the normalizing constant ∫ p, in nats: log mean w.
        log_z_error: standard error of `log_z`; unreliable for khat above 0.5, where the variance of w is infinite.
    """

    draws: np.ndarray = field(repr=False)
    log_weights: np.ndarray = field(repr=False)
    smoothed: np.ndarray = field(repr=False)
    ess: float
    khat: float
    log_z: float
    log_z_error: float

    @property
    def verdict(self) -> str:
        """One sentence that says whether to trust estimates from the flow."""
        n = len(self.log_weights)
        # Weights that hardly vary can have a heavy but negligible tail: k-hat does not depend on scale.
        if self.ess >= 0.99 * n and self.khat < USABLE:
            words = "draws of the flow are nearly exact, and estimates can be trusted."
        elif self.khat < GOOD:
            words = "weighted estimates can be trusted; the flow's own draws are approximate."
        elif self.khat < USABLE:
            words = "smoothed weighted estimates can be used, but converge slowly; the flow's own draws are off."
        else:
            words = "do not trust the fit: take more steps, a larger flow, another objective, or `annealing`."
        return f"k-hat {self.khat:.2f}, effective sample size {self.ess:,.0f} of {n:,} ({self.ess / n:.0%}): {words}"

    def resample(self, key: Key, n: int | None = None) -> np.ndarray:
        """Return approximate draws of p: draws of the flow, resampled by their smoothed weights.

        Systematic resampling repeats each draw in proportion to its weight, up to rounding. If the effective sample
        size is below n, the repeated draws are not independent.

        Arguments:
            key: random key.
            n: number of returned draws; by default the number of draws of the flow.

        Reference:
            "On sequential Monte Carlo sampling methods for Bayesian filtering", Doucet, Godsill, Andrieu, 2000.
        """
        require_key(key)
        n = len(self.draws) if n is None else n
        require_count("n", n)
        ends = np.cumsum(np.exp(self.smoothed))
        first, order = jax.random.split(key)
        points = (np.arange(n) + float(jax.random.uniform(first))) / n * ends[-1]
        chosen = np.minimum(np.searchsorted(ends, points), len(ends) - 1)
        return self.draws[chosen[np.asarray(jax.random.permutation(order, n))]]


def importance(key: Key, flow: AbstractDistribution, log_density: Callable[[Any], Any], n: int = 10_000) -> Importance:
    """Compare a flow with the density that it was fitted to by importance weights of its draws.

        w = p(x) / q(x),  x ~ q;    Z = E[w];    ESS = (Σ w)² / Σ w²

    The weights only see places that the flow draws: a mode of p where q makes no draws changes no weight. If p may have
    such modes, check with draws from another source.

    Arguments:
        key: random key of the draws.
        flow: q, unconditional.
        log_density: log p of one event, up to a constant; see `pushforward.fit_density`.
        n: number of draws, at least 100.

    Raises:
        ValueError: if an argument is not as stated; if the log-density is NaN or +inf at a draw, or -inf at all draws.

    Reference:
        "Pareto Smoothed Importance Sampling", Vehtari, Simpson, Gelman, Yao, Gabry, 2024; "Yes, but Did It Work?:
        Evaluating Variational Inference", Yao, Vehtari, Simpson, Gelman, 2018.
    """
    require_key(key)
    require_count("n", n, 100)
    if flow.cond_shape is not None:
        raise bad("flow", "unconditional", f"`a flow conditioned on shape {flow.cond_shape}`")
    draws, log_q = flow.sample_and_log_prob(key, (n,))
    log_p = np.asarray(_evaluate(log_density, draws), np.float64)
    draws, log_q = np.asarray(draws), np.asarray(log_q, np.float64)
    wrong = np.isnan(log_p) | np.isposinf(log_p)
    if log_p.shape != (n,) or wrong.any():
        shown = f"`shape {log_p.shape[1:]}`" if log_p.shape != (n,) else f"`{log_p[wrong][0]} at {draws[wrong][0]}`"
        raise bad("log_density", "a number for each event, finite or -inf", shown)
    log_w = log_p - log_q
    top = log_w.max()
    if not math.isfinite(top):
        raise bad("log_density", "finite where the flow draws", f"`zero at all {n} draws`")
    w = np.exp(log_w - top)
    smoothed, khat = _pareto_smoothed(log_w - top)
    return Importance(
        draws,
        log_w,
        smoothed,
        ess=float(w.sum() ** 2 / (w**2).sum()),
        khat=khat,
        log_z=float(top + math.log(w.mean())),
        log_z_error=float(w.std(ddof=1) / w.mean() / math.sqrt(n)),
    )


@eqx.filter_jit
def _evaluate(log_density: Callable[[Any], Any], draws: Float[Array, "n ..."]) -> Array:
    return jax.lax.map(lambda x: jnp.asarray(log_density(x)), draws, batch_size=TOGETHER)


def _pareto_smoothed(log_w: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the logs of smoothed weights that add up to one, and k-hat."""
    from arviz_stats.base.array import array_stats

    finite = np.isfinite(log_w)
    # If the largest weights are all equal, there is no tail.
    tail = np.sort(log_w)[-math.ceil(min(0.2 * len(log_w), 3 * math.sqrt(len(log_w)))) :]
    if tail[-1] - tail[0] < 1e-6:
        return log_w - np.logaddexp.reduce(log_w), -math.inf
    # Zero weights are not part of the tail, but ArviZ needs finite numbers; it takes negative log-weights.
    smoothed, khat = array_stats.psislw(-np.where(finite, log_w, log_w[finite].min() - 100.0))
    return np.where(finite, smoothed, -np.inf), float(khat)
