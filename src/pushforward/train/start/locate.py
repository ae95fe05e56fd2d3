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
from ...distributions.tail import through
from ...numerics.modes import JUDGED, Mode, find_modes
from ...numerics.moments import Moments
from ..objectives.density.target import LogDensity
from .walk import AbstractMovingData, Move, require_set, set_from

#: The search for modes starts at zero, then at normal draws with these standard deviations in turn.
STARTS, SPREADS = 12, (1.0, 3.0, 10.0)
#: Number of draws from which a normalization takes mean and scale.
DRAWN = 256


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


def _modes(density: Callable[[Any], Any], dim: int, rng: np.random.Generator) -> list[Mode]:
    """Return the normal approximations of the modes found."""
    noise = rng.standard_normal((JUDGED, dim))
    spreads = [SPREADS[i % len(SPREADS)] for i in range(STARTS - 1)]
    starts = [np.zeros(dim), *(spread * rng.standard_normal(dim) for spread in spreads)]
    found = find_modes(density, starts, noise)
    if not found:
        raise bad(
            "log_density",
            "finite somewhere near zero, in unconstrained space",
            f"`nothing but non-finite values from {STARTS} starts`",
            "Shift and scale the density, or pass a flow whose `Standardize` you have set to where it has its mass.",
        )
    return found


def _mixture(found: list[Mode]) -> Mode:
    """Return location and covariance of a mixture of normal distributions, weighted by their evidence."""
    bounds = np.array([g.bound for g in found])
    weights = np.exp(bounds - bounds.max())
    weights /= weights.sum()
    loc = sum(w * g.loc for w, g in zip(weights, found, strict=True))
    spread = [g.covariance + np.outer(g.loc - loc, g.loc - loc) for g in found]
    covariance = sum(w * c for w, c in zip(weights, spread, strict=True))
    return Mode(np.asarray(loc), np.asarray(covariance), float(bounds.max()))
