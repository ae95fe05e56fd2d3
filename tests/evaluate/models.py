"""A simulator whose posterior is known, and densities that are wrong in known ways."""

from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pushforward.distributions._base import AbstractDistribution
from pushforward.supports import Interval, Real

DIM = 2


@final
class Posterior(AbstractDistribution):
    """N(gain x + shift, scale²) of each element: the posterior of `simulate` at its defaults."""

    gain: Float[Array, ""]
    shift: Float[Array, ""]
    scale: Float[Array, ""]
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, gain: float = 0.5, shift: float = 0.0, scale: float = 0.5**0.5):
        # Arrays: another number is no reason to compile again.
        self.gain, self.shift, self.scale = jnp.asarray(gain), jnp.asarray(shift), jnp.asarray(scale)
        self.shape = self.cond_shape = (DIM,)

    @property
    def support(self) -> Real:
        return Real(self.shape)

    def _log_prob(self, x: Array, condition: Any) -> Array:
        return jax.scipy.stats.norm.logpdf(x, self.gain * condition + self.shift, self.scale).sum()

    def _sample_and_log_prob(self, key: Array, condition: Any) -> tuple[Array, Array]:
        x = self.gain * condition + self.shift + self.scale * jax.random.normal(key, self.shape)
        return x, self._log_prob(x, condition)


@final
class Flat(AbstractDistribution):
    """Uniform on (0, 1), whatever the condition; all log-densities inside are equal."""

    shape: tuple[int, ...] = eqx.field(static=True, default=(1,))
    cond_shape: tuple[int, ...] | None = eqx.field(static=True, default=(1,))

    @property
    def support(self) -> Interval:
        return Interval(0.0, 1.0, self.shape)

    def _log_prob(self, x: Array, condition: Array | None) -> Array:
        return jnp.where(jnp.all((x > 0) & (x < 1)), 0.0, -jnp.inf)

    def _sample_and_log_prob(self, key: Array, condition: Array | None) -> tuple[Array, Array]:
        return jax.random.uniform(key, self.shape), jnp.zeros(())


def simulate(rng: np.random.Generator, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return θ ~ N(0, 1) and x ~ N(θ, 1), element by element."""
    theta = rng.normal(size=(pairs, DIM))
    return theta, theta + rng.normal(size=(pairs, DIM))
