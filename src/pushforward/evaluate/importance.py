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
from .missed import find_missed

#: Number of draws at which a log-density is evaluated together.
TOGETHER = 4096
#: Largest Pareto k-hat for which estimates from few draws are accurate, and for which smoothed estimates are reliable.
GOOD, USABLE = 0.5, 0.7
#: Smallest effective sample size, of that many draws and as a share of them, from which something can be estimated.
FEW, FEW_OF = 100, 0.1
#: Largest weight, in means, up to which the tail does not matter: 3 of 100 is a fifth of the standard error of a mean.
SMALL = 3.0
#: Spread of the logs of the largest weights up to which they are equal: rounding in float32.
EQUAL = 1e-3
#: Smallest share of the mass that counts as missed.
MISSED = 0.01


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
        missed: share of the mass of p that a search found where the flow makes no draws, from 0 to 1: a lower bound of
            what is missed, since a search need not find all of it. NaN if there was no search.
        missed_error: standard error of `missed`.
        missed_at: shape (k, *shape), modes of p at which that mass lies, that of the largest mass first.
    """

    draws: np.ndarray = field(repr=False)
    log_weights: np.ndarray = field(repr=False)
    smoothed: np.ndarray = field(repr=False)
    ess: float
    khat: float
    log_z: float
    log_z_error: float
    missed: float = math.nan
    missed_error: float = math.nan
    missed_at: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    @property
    def verdict(self) -> str:
        """One sentence that says whether to trust estimates from the flow."""
        n = len(self.log_weights)
        # Weights that hardly vary can have a heavy but negligible tail: k-hat does not depend on scale.
        small = self.khat < USABLE or self.log_weights.max() - self.log_z < math.log(SMALL)
        missed = self.missed - 2 * self.missed_error
        if missed > MISSED:
            place = ", ".join(f"{v:.3g}" for v in self.missed_at[0].ravel()[:6])
            place = f"[{place}, ...]" if self.missed_at[0].size > 6 else f"[{place}]"
            words = (
                f"do not trust the fit: at least {missed:.0%} of the mass lies where the flow makes no draws, "
                f"around x = {place} for one; fit with `annealing` or `pf.train.FAB()`."
            )
        elif self.ess < min(FEW, FEW_OF * n):
            words = "do not trust the fit: a few draws outweigh all others; take more steps or another objective."
        elif self.ess >= 0.99 * n and small:
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


def importance(
    key: Key,
    flow: AbstractDistribution,
    log_density: Callable[[Any], Any],
    n: int = 10_000,
    *,
    searches: int = 28,
) -> Importance:
    """Compare a flow with the density that it was fitted to by importance weights of its draws.

        w = p(x) / q(x),  x ~ q;    Z = E[w];    ESS = (Σ w)² / Σ w²

    The weights only see places that the flow draws: a mode of p where q makes no draws changes no weight. So searches
    climb to modes of p from elsewhere, and the mass around those where p / q is more than ten times the largest weight
    is estimated:

        missed = ∫ p(x) 1[p(x) / q(x) > 10 w_max] dx / ∫ p(x) dx

    Mass that is found is there, up to the standard error; a mode that no search climbs to is not found.

    Arguments:
        key: random key of the draws and searches.
        flow: q, unconditional.
        log_density: log p of one event, up to a constant; see `pushforward.fit_density`.
        n: number of draws, at least 100.
        searches: number of searches for missed modes, 0 for none. Without derivatives of the log-density, or for
            events that are not continuous, there is none.

    Raises:
        ValueError: if an argument is not as stated; if the log-density is NaN or +inf at a draw, or -inf at all draws.

    Reference:
        "Pareto Smoothed Importance Sampling", Vehtari, Simpson, Gelman, Yao, Gabry, 2024; "Yes, but Did It Work?:
        Evaluating Variational Inference", Yao, Vehtari, Simpson, Gelman, 2018.
    """
    require_key(key)
    require_count("n", n, 100)
    require_count("searches", searches, 0)
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
    total = float(w.mean())
    missed, error, places = _missed(key, flow, log_density, draws, top, total, searches)
    return Importance(
        draws,
        log_w,
        smoothed,
        ess=float(w.sum() ** 2 / (w**2).sum()),
        khat=khat,
        log_z=float(top + math.log(total)),
        log_z_error=float(w.std(ddof=1) / total / math.sqrt(n)),
        missed=missed,
        missed_error=error,
        missed_at=places,
    )


def _missed(
    key: Key,
    flow: AbstractDistribution,
    log_density: Callable[[Any], Any],
    draws: np.ndarray,
    top: float,
    total: float,
    searches: int,
) -> tuple[float, float, np.ndarray]:
    """Return the share of the mass that is found elsewhere, its standard error, and the places."""

    def evaluate(x: Any) -> tuple[np.ndarray, np.ndarray]:
        log_p, log_q = _evaluate(log_density, jnp.asarray(x)), flow.log_prob(x)
        return np.asarray(log_p, np.float64), np.asarray(log_q, np.float64)

    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
    found = find_missed(rng, flow, log_density, evaluate, draws, top, searches) if searches else None
    if found is None:
        return math.nan, math.nan, draws[:0]
    everything = total + found.mass
    return found.mass / everything, found.error * total / everything**2, found.places


@eqx.filter_jit
def _evaluate(log_density: Callable[[Any], Any], draws: Float[Array, "n ..."]) -> Array:
    return jax.lax.map(lambda x: jnp.asarray(log_density(x)), draws, batch_size=TOGETHER)


def _pareto_smoothed(log_w: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the logs of smoothed weights that add up to one, and k-hat."""
    from arviz_stats.base.array import array_stats

    finite = np.isfinite(log_w)
    # If the largest weights are all equal, up to rounding, there is no tail.
    tail = np.sort(log_w)[-math.ceil(min(0.2 * len(log_w), 3 * math.sqrt(len(log_w)))) :]
    if tail[-1] - tail[0] < EQUAL:
        return log_w - np.logaddexp.reduce(log_w), -math.inf
    # Zero weights are not part of the tail, but ArviZ needs finite numbers; it takes negative log-weights.
    smoothed, khat = array_stats.psislw(-np.where(finite, log_w, log_w[finite].min() - 100.0))
    return np.where(finite, smoothed, -np.inf), float(khat)
