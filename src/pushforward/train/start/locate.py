"""Find the location and scale of the mass of a log-density before a flow is fitted to it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..._errors import bad
from ..._types import Conditions, Events
from ...bijections._fitted import Observed, Vectors, flat_events, is_pending
from ...bijections.walk import compose, sequence
from ...distributions.pushforward import Pushforward
from ...numerics.moments import Moments
from ..objectives.density.target import LogDensity
from .tail import through
from .walk import AbstractMovingData, Move, require_set, set_from

#: The search for modes starts at zero, then at normal draws with these standard deviations in turn.
STARTS, SPREADS = 12, (1.0, 3.0, 10.0)
#: Total number of steps after which no new search starts; a time limit would not be reproducible.
MOST_STEPS = 1000
#: Most steps of one search, and the number of points on its path that are tried as the centre of a mode.
MAX_STEPS, PASSED = 300, 12
#: Up to this number of elements, all second derivatives are computed; beyond, only the diagonal.
MAX_CURVED = 300
#: Number of draws that estimate the evidence lower bound of a normal approximation.
JUDGED = 64
#: Number of draws from which a normalization takes mean and scale.
DRAWN = 256
#: Two modes are one if nearer than this many standard deviations.
SAME = 0.5


@final
@dataclass(frozen=True)
class Gaussian:
    """Location (d,) and covariance (d, d) of a normal approximation, and its evidence lower bound in nats."""

    loc: np.ndarray
    covariance: np.ndarray
    bound: float


def locate(log_density: LogDensity, flow: Pushforward, seed: list[int]) -> Pushforward:
    """Return a flow whose bijections that are set from data are set from the mass of the log-density.

    Newton's method with a trust region climbs from several starts to modes, in the unconstrained space in front of the
    supports of the flow. At points along the path, which need not end at a mode since there may be none, the second
    derivatives give normal approximations; the one of the highest evidence lower bound stands for the mode. The flow
    receives the location and covariance of the mixture of all modes found, weighted by their evidence.

    Arguments:
        log_density: log-density of one event.
        flow: the initial flow.
        seed: decides the starts.

    Raises:
        ValueError: if no start leads to a finite log-density, or a map of the flow cannot be set.

    Reference:
        "Pathfinder: Parallel quasi-Newton variational inference", Zhang, Carpenter, Gelman, Vehtari, 2022 (of which
        this keeps the choice along the path); "Trust-Region Methods", Conn, Gould, Toint, 2000.
    """
    parts = sequence(flow.bijection)
    last = max((i for i, part in enumerate(parts) if is_pending(part)), default=None)
    if last is not None:
        behind = tuple(parts[last + 1 :])

        def density(u: Any) -> Any:
            x, log_det = through(behind, u.reshape(flow.shape))
            return log_density(x) + log_det

        found = _mixture(_modes(density, math.prod(flow.shape), np.random.default_rng(seed)))
        data = NormalData(found.loc.reshape(flow.shape), found.covariance)
        bijection = set_from(compose(*parts[: last + 1]), data)
        flow = Pushforward(flow.base, compose(bijection, *behind))
    require_set(flow)
    return flow


@final
@dataclass(frozen=True)
class NormalData(AbstractMovingData):
    """A normal distribution, of location (*shape) and covariance (elements, elements), moved along a flow.

    Each move approximates the result by a normal distribution, with the derivative of the bijection at the location;
    this is exact for affine bijections.
    """

    loc: np.ndarray
    location_covariance: np.ndarray

    @property
    def rows(self) -> float:
        """Infinite: a distribution has no limited number of rows."""
        return math.inf

    @property
    def dtype(self) -> Any:
        """float32, the narrowest dtype; bijections of a wider dtype keep theirs."""
        return jnp.float32

    @property
    def condition_dtype(self) -> Any:
        """Not used: there is no condition."""
        return jnp.float32

    def moments(self, of: Vectors = flat_events) -> Moments:
        """Return location and standard deviation of each element."""
        loc, spread = self.loc.ravel(), np.full(self.loc.size, np.inf)
        return Moments(loc, np.sqrt(np.diag(self.location_covariance)), -spread, spread)

    def covariance(self, of: Vectors = flat_events) -> Float[np.ndarray, "columns columns"]:
        """Return the covariance."""
        return self.location_covariance

    def observed(self, of: Vectors = flat_events) -> Observed:
        """Return no rows: a normal distribution has no heavy tails."""
        return np.empty((0, self.loc.size)), np.empty(0)

    def sample(self) -> tuple[Events, Conditions]:
        """Return draws, the batch last."""
        noise = np.random.default_rng(0).standard_normal((self.loc.size, DRAWN))
        draws = self.loc.reshape((-1, 1)) + np.linalg.cholesky(self.location_covariance) @ noise
        return jnp.asarray(draws.reshape((*self.loc.shape, DRAWN))), None

    def moved(self, move: Move) -> "NormalData":
        """Return the distribution after a move."""
        with jax.enable_x64(True):

            def flat(x: Any) -> Any:
                return move(x.reshape((*self.loc.shape, 1)), None)[0]

            x = jnp.asarray(self.loc.ravel())
            shape = jax.eval_shape(flat, x).shape[:-1]
            loc, slope = flat(x), jax.jacobian(lambda x: flat(x).ravel())(x)
        slope = np.asarray(slope, np.float64)
        return NormalData(np.asarray(loc, np.float64).reshape(shape), slope @ self.location_covariance @ slope.T)


def _modes(density: Callable[[Any], Any], dim: int, rng: np.random.Generator) -> list[Gaussian]:
    """Return the normal approximations of the modes found."""
    # In float64, since far from a mode a log-density is a large number, and its small differences count. If the density
    # works only in float32, so does the search.
    errors: list[Exception] = []
    for double in (True, False):
        with jax.enable_x64(double):
            try:
                return _climb_all(density, dim, rng)
            except (TypeError, ValueError) as error:
                errors.append(error)
    raise errors[-1]


def _climb_all(density: Callable[[Any], Any], dim: int, rng: np.random.Generator) -> list[Gaussian]:
    curve = jax.hessian(density) if dim <= MAX_CURVED else _diagonal(density)
    dtype = jnp.result_type(float)
    value_and_grad = jax.jit(jax.value_and_grad(lambda u: -density(u).astype(dtype)))
    curvature = jax.jit(lambda u: -curve(u).astype(dtype))
    noise = rng.standard_normal((JUDGED, dim))
    values = jax.jit(jax.vmap(lambda u: density(u).astype(dtype)))
    climb = _Climb(value_and_grad, curvature, values, noise)
    found: list[Gaussian] = []
    steps = 0
    for i in range(STARTS):
        if found and steps > MOST_STEPS:
            break
        start = np.zeros(dim) if i == 0 else rng.standard_normal(dim) * SPREADS[(i - 1) % len(SPREADS)]
        passed = climb.path(start)
        steps += len(passed)
        best = climb.best(passed)
        if best is not None and not any(_same(best, other) for other in found):
            found.append(best)
    if not found:
        raise bad(
            "log_density",
            "finite somewhere near zero, in unconstrained space",
            f"`nothing but non-finite values from {STARTS} starts`",
            "Shift and scale the density, or pass a flow whose `Standardize` you have set to where it has its mass.",
        )
    return found


@final
@dataclass(frozen=True)
class _Climb:
    """A search for a mode: the negative log-density and its derivatives, in float64 or in the density's dtype."""

    value_and_grad: Callable[[Any], Any]
    curvature: Callable[[Any], Any]
    values: Callable[[Any], Any]
    noise: np.ndarray

    def best(self, passed: list[np.ndarray]) -> Gaussian | None:
        """Return the best normal approximation around some of the points passed; None if there is none."""
        chosen = {round(i) for i in np.linspace(0, len(passed) - 1, PASSED)} if passed else ()
        judged = [g for g in (self._normal(passed[i]) for i in chosen) if g is not None]
        return max(judged, key=lambda g: g.bound, default=None)

    def path(self, start: np.ndarray) -> list[np.ndarray]:
        """Return the points passed on the way to a mode; none if the log-density is not finite at the start."""
        from scipy.optimize import minimize

        def value(u: np.ndarray) -> tuple[float, np.ndarray]:
            f, g = self.value_and_grad(u)
            return float(f), np.asarray(g, np.float64)

        first, slope = value(start)
        if not (math.isfinite(first) and np.isfinite(slope).all()):
            return []
        passed = [start]
        newton = len(start) <= MAX_CURVED
        options: dict[str, Any] = {"maxiter": MAX_STEPS}
        # A search ends at this gradient: a hundredth of a standard deviation from a mode of unit curvature.
        options |= {"gtol": 1e-4, "max_trust_radius": 1e12} if newton else {"maxcor": 30}

        def guarded(u: np.ndarray) -> tuple[float, np.ndarray]:
            f, g = value(u)
            return (f, g) if math.isfinite(f) and np.isfinite(g).all() else (np.inf, np.zeros_like(g))

        def keep(u: np.ndarray) -> None:
            passed.append(np.array(u))

        try:
            with np.errstate(all="ignore"):
                minimize(
                    guarded,
                    start,
                    jac=True,
                    hess=(lambda u: np.asarray(self.curvature(u), np.float64)) if newton else None,
                    method="trust-exact" if newton else "L-BFGS-B",
                    callback=keep,
                    options=options,
                )
        except (np.linalg.LinAlgError, ValueError, FloatingPointError):
            # Second derivatives that are not finite end a search; its path so far is kept.
            pass
        return passed

    def _normal(self, loc: np.ndarray) -> Gaussian | None:
        """Return the normal approximation from the second derivatives at a point, with its evidence lower bound."""
        second = np.asarray(self.curvature(loc), np.float64)
        if not np.isfinite(second).all():
            return None
        if second.ndim == 1:
            values, vectors = second, np.eye(len(second))
        else:
            values, vectors = _scaled_eigen(second)
        # Where the log-density is not concave, the size of the curvature still gives a scale.
        spread = 1 / np.sqrt(np.maximum(np.abs(values), 1e-10))
        factor = vectors * spread
        log_p = np.asarray(self.values(loc + self.noise @ factor.T), np.float64)
        entropy = np.linalg.slogdet(factor)[1] + 0.5 * len(loc) * math.log(2 * math.pi * math.e)
        bound = float(log_p.mean() + entropy)
        return Gaussian(loc, factor @ factor.T, bound) if math.isfinite(bound) else None


def _scaled_eigen(second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values v and vectors U of a symmetric matrix; its inverse is U diag(1 / v) U^T.

    They come from the matrix scaled to a unit diagonal, so that elements of scales 0.01 and 30 are equally accurate.
    """
    scale = np.sqrt(np.maximum(np.abs(np.diag(second)), 1e-10))
    values, vectors = np.linalg.eigh(0.5 * (second + second.T) / np.outer(scale, scale))
    return values, vectors / scale[:, None]


def _diagonal(density: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that gives the diagonal of the second derivatives."""

    def of(u: Any) -> Any:
        def second(i: Any) -> Any:
            direction = jnp.zeros_like(u).at[i].set(1.0)
            return jax.jvp(jax.grad(density), (u,), (direction,))[1][i]

        return jax.lax.map(second, jnp.arange(len(u)))

    return of


def _same(a: Gaussian, b: Gaussian) -> bool:
    offset = a.loc - b.loc
    return bool(offset @ np.linalg.solve(a.covariance + b.covariance, offset) < SAME**2)


def _mixture(found: list[Gaussian]) -> Gaussian:
    """Return location and covariance of a mixture of normal distributions, weighted by their evidence."""
    bounds = np.array([g.bound for g in found])
    weights = np.exp(bounds - bounds.max())
    weights /= weights.sum()
    loc = sum(w * g.loc for w, g in zip(weights, found, strict=True))
    spread = [g.covariance + np.outer(g.loc - loc, g.loc - loc) for g in found]
    covariance = sum(w * c for w, c in zip(weights, spread, strict=True))
    return Gaussian(np.asarray(loc), np.asarray(covariance), float(bounds.max()))
