"""The search for mass of a density where a flow makes no draws."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..bijections._base import AbstractBijection
from ..bijections.onto import onto
from ..bijections.walk import compose
from ..distributions._base import AbstractDistribution
from ..distributions.pushforward import Pushforward
from ..distributions.tail import split_tail
from ..numerics.modes import JUDGED, Mode, find_modes
from ..supports import Real

#: Spreads of the starts: in standard deviations of the flow around its mean, and in unconstrained units around zero.
AROUND_FLOW, AROUND_ZERO = (1.0, 3.0, 10.0, 30.0), (1.0, 3.0, 10.0)
#: Total number of steps of the searches after which none starts.
MOST_STEPS = 1500
#: Draws around all modes together, so that programs are compiled once; the degrees of freedom of their distribution.
DRAWN, FREEDOM = 4096, 5.0
#: A place is missed if p / q there is this many times the largest weight of the draws of the flow. Beyond the largest
#: of n weights itself lies part of the tail of a flow that is right.
BEYOND = 10.0


@final
@dataclass(frozen=True)
class Missed:
    """Mass of a density at places where a flow makes no draws.

    Attributes:
        mass: ∫ p over the places found, on the scale of weights divided by their largest.
        error: standard error of `mass`.
        places: shape (k, *shape), the modes found there, that of the largest mass first.
    """

    mass: float
    error: float
    places: np.ndarray


def find_missed(
    rng: np.random.Generator,
    flow: AbstractDistribution,
    log_density: Callable[[Any], Any],
    evaluate: Callable[[Any], tuple[np.ndarray, np.ndarray]],
    draws: np.ndarray,
    top: float,
    searches: int,
) -> Missed | None:
    """Return the mass of a density p at places where p / q is far beyond all weights of the draws of q.

        mass = ∫ p(x) 1[p(x) / q(x) > 10 w_max] dx

    Searches climb from far out to modes of p, in unconstrained space. Draws of Student's t distributions around the
    modes, together g, estimate the integral with the weights p / (n q + m g) of a mixture of n draws of q and m of g.
    The draws of q add nothing, by the choice of places. The estimate has no bias but what the searches do not find: a
    mode without mass adds none.

    Arguments:
        rng: decides the starts and draws.
        flow: q, unconditional.
        log_density: log p of one event.
        evaluate: events (n, *shape) -> log p and log q of each.
        draws: draws of q, (n, *shape).
        top: log of the largest weight of them.
        searches: number of searches.

    Returns:
        None if there is no search: q has no continuous support, or the log-density no derivative.

    Reference:
        "Safe and Effective Importance Sampling", Owen, Zhou, 2000 (defensive mixtures); "Optimally Combining Sampling
        Techniques for Monte Carlo Rendering", Veach, Guibas, 1995 (the balance heuristic).
    """
    free = _free(flow)
    if free is None:
        return None
    u = np.asarray(_undone(free, draws), np.float64).reshape(len(draws), -1)
    u = u[np.isfinite(u).all(axis=1)]
    n, dim = u.shape
    if n < 2:
        return None
    loc, factor = _whitening(u)

    def density(v: Any) -> Any:
        x, log_det = free.forward_and_log_det((loc + factor @ v).reshape(flow.shape))
        return log_density(x) + log_det

    try:
        modes = find_modes(density, _starts(rng, loc, factor, searches), rng.standard_normal((JUDGED, dim)), MOST_STEPS)
    except (TypeError, ValueError, NotImplementedError):
        # JAX differentiates no callbacks, and not every loop.
        return None
    if not modes:
        return Missed(0.0, 0.0, draws[:0])

    def events(v: np.ndarray) -> np.ndarray:
        return (loc + v @ factor.T).reshape(-1, *flow.shape).astype(draws.dtype)

    number = np.arange(DRAWN) % len(modes)
    v = np.zeros((DRAWN, dim))
    for i, mode in enumerate(modes):
        v[number == i] = _draws_around(rng, mode, int(np.sum(number == i)))
    x, log_det = map(np.asarray, _done(free, events(v)))
    log_p, log_q = evaluate(x)
    change = np.asarray(log_det, np.float64) + np.linalg.slogdet(factor)[1]
    counts = np.bincount(number)
    log_g = np.logaddexp.reduce([np.log(c) + _log_density_around(v, m) for c, m in zip(counts, modes, strict=True)])
    # Where q cannot be computed, it makes no draws. Where p cannot, there is nothing to find.
    log_q = np.where(np.isnan(log_q), -np.inf, log_q)
    beyond = np.isfinite(log_p) & np.isfinite(change) & (log_p - log_q > top + math.log(BEYOND))
    both = np.logaddexp(math.log(len(draws)) + log_q + change, log_g)
    share = np.exp(np.where(beyond, log_p + change - both - top, -np.inf))
    at, squares = np.bincount(number, share), np.bincount(number, share**2)
    found = [i for i in np.argsort(-at) if at[i] > 0]
    places, _ = _done(
        free, np.stack([loc + factor @ m.loc for m in modes]).reshape(-1, *flow.shape).astype(draws.dtype)
    )
    error = math.sqrt(float(np.sum(squares - at**2 / counts)))
    return Missed(float(at.sum()), error, np.asarray(places)[found])


def _free(flow: AbstractDistribution) -> AbstractBijection | None:
    """Return a bijection from all real arrays onto the support: the tail of a flow, if that is one, has units."""
    if isinstance(flow, Pushforward):
        core, tail = split_tail(flow)
        if tail and isinstance(core.support, Real):
            return compose(*tail)
    try:
        return onto(flow.support)
    except ValueError:
        return None


@eqx.filter_jit
def _undone(free: AbstractBijection, x: Any) -> Any:
    return jax.vmap(free.inverse)(jnp.asarray(x))


@eqx.filter_jit
def _done(free: AbstractBijection, u: Any) -> tuple[Any, Any]:
    return jax.vmap(free.forward_and_log_det)(jnp.asarray(u))


def _whitening(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of vectors (n, d) and a factor (d, d) of their covariance, positive definite for any n."""
    scale = np.maximum(u.std(axis=0), 1e-300)
    standard = (u - u.mean(axis=0)) / scale
    n, dim = u.shape
    correlation = standard.T @ standard / n + dim / n * np.eye(dim)
    return u.mean(axis=0), scale[:, None] * np.linalg.cholesky(correlation)


def _starts(rng: np.random.Generator, loc: np.ndarray, factor: np.ndarray, searches: int) -> list[np.ndarray]:
    """Return starts in the coordinates in which the flow has mean zero and unit covariance."""
    kinds = [(True, spread) for spread in AROUND_FLOW] + [(False, spread) for spread in AROUND_ZERO]
    starts = []
    for around_flow, spread in islice(cycle(kinds), searches):
        start = spread * rng.standard_normal(len(loc))
        starts.append(start if around_flow else np.linalg.solve(factor, start - loc))
    return starts


def _draws_around(rng: np.random.Generator, mode: Mode, n: int) -> np.ndarray:
    """Return n draws of Student's t distribution of the location and scale of a mode."""
    noise = rng.multivariate_normal(np.zeros(len(mode.loc)), mode.covariance, n, method="cholesky")
    return mode.loc + noise / np.sqrt(rng.chisquare(FREEDOM, (n, 1)) / FREEDOM)


def _log_density_around(v: np.ndarray, mode: Mode) -> np.ndarray:
    """Return the log-density of `_draws_around`."""
    factor, dim = np.linalg.cholesky(mode.covariance), len(mode.loc)
    squares = np.square(np.linalg.solve(factor, (v - mode.loc).T)).sum(axis=0)
    log_norm = math.lgamma((FREEDOM + dim) / 2) - math.lgamma(FREEDOM / 2) - 0.5 * dim * math.log(FREEDOM * math.pi)
    return log_norm - np.log(np.diag(factor)).sum() - 0.5 * (FREEDOM + dim) * np.log1p(squares / FREEDOM)
