"""The search for modes of a function known as a log-density, each with a normal approximation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

#: Total number of steps after which no new search starts; a time limit would not be reproducible.
MOST_STEPS = 1000
#: Most steps of one search, and the number of points on its path that are tried as the centre of a mode.
MAX_STEPS, PASSED = 300, 12
#: Up to this number of elements, all second derivatives are computed; beyond, only the diagonal.
MAX_CURVED = 300
#: Number of draws that estimate the evidence lower bound of a normal approximation.
JUDGED = 64
#: Two modes are one if nearer than this many standard deviations.
SAME = 0.5


@final
@dataclass(frozen=True)
class Mode:
    """Location (d,) and covariance (d, d) of the normal approximation of a mode, and its evidence lower bound, nats."""

    loc: np.ndarray
    covariance: np.ndarray
    bound: float


def find_modes(
    log_density: Callable[[Any], Any], starts: Sequence[np.ndarray], noise: np.ndarray, most_steps: int = MOST_STEPS
) -> list[Mode]:
    """Return the different modes to which searches climb, in the order in which they are found.

    Newton's method with a trust region climbs from each start. At points along the path, which need not end at a mode
    since there may be none, the second derivatives give normal approximations; the one of the highest evidence lower
    bound stands for the mode.

    Arguments:
        log_density: log p of one vector (d,), made of JAX operations; it may be infinite or NaN.
        starts: vectors (d,).
        noise: (n, d) draws of the standard normal distribution, which estimate the evidence lower bounds.
        most_steps: total number of steps after which no new search starts.

    Reference:
        "Pathfinder: Parallel quasi-Newton variational inference", Zhang, Carpenter, Gelman, Vehtari, 2022 (of which
        this keeps the choice along the path); "Trust-Region Methods", Conn, Gould, Toint, 2000.
    """
    # In float64, since far from a mode a log-density is a large number, and its small differences count. If the density
    # works only in float32, so does the search.
    errors: list[Exception] = []
    for double in (True, False):
        with jax.enable_x64(double):
            try:
                found = _climb_all(log_density, starts, noise, most_steps)
            except (TypeError, ValueError) as error:
                errors.append(error)
                continue
        if found:
            return found
    if errors:
        raise errors[-1]
    return []


def _climb_all(
    log_density: Callable[[Any], Any], starts: Sequence[np.ndarray], noise: np.ndarray, most_steps: int
) -> list[Mode]:
    curve = jax.hessian(log_density) if noise.shape[1] <= MAX_CURVED else _diagonal(log_density)
    dtype = jnp.result_type(float)
    value_and_grad = jax.jit(jax.value_and_grad(lambda u: -log_density(u).astype(dtype)))
    curvature = jax.jit(lambda u: -curve(u).astype(dtype))
    values = jax.jit(jax.vmap(lambda u: log_density(u).astype(dtype)))
    climb = _Climb(value_and_grad, curvature, values, noise)
    found: list[Mode] = []
    steps = 0
    for start in starts:
        if found and steps > most_steps:
            break
        passed = climb.path(start)
        steps += len(passed)
        best = climb.best(passed)
        if best is not None and not any(_same(best, other) for other in found):
            found.append(best)
    return found


@final
@dataclass(frozen=True)
class _Climb:
    """A search for a mode: the negative log-density and its derivatives, in float64 or in the density's dtype."""

    value_and_grad: Callable[[Any], Any]
    curvature: Callable[[Any], Any]
    values: Callable[[Any], Any]
    noise: np.ndarray

    def best(self, passed: list[np.ndarray]) -> Mode | None:
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

    def _normal(self, loc: np.ndarray) -> Mode | None:
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
        return Mode(loc, factor @ factor.T, bound) if math.isfinite(bound) else None


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


def _same(a: Mode, b: Mode) -> bool:
    offset = a.loc - b.loc
    return bool(offset @ np.linalg.solve(a.covariance + b.covariance, offset) < SAME**2)
