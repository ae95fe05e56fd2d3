"""A simulator whose posterior is known, and densities that are wrong in known ways."""

from collections.abc import Callable
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


@final
class Bent(AbstractDistribution):
    """x_0 ~ N(0, first²), the others N(loc(x_0), scale(x_0)²); all scales are `wide` times that."""

    first: float = eqx.field(static=True)
    loc: Callable[[Any], Any] = eqx.field(static=True)
    scale: Callable[[Any], Any] = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    wide: float = 1.0
    cond_shape: tuple[int, ...] | None = eqx.field(static=True, default=None)

    @property
    def support(self) -> Real:
        return Real(self.shape)

    def _log_prob(self, x: Array, condition: Any) -> Array:
        rest = jax.scipy.stats.norm.logpdf(x[1:], self.loc(x[0]), self.wide * self.scale(x[0]))
        return jax.scipy.stats.norm.logpdf(x[0], 0.0, self.wide * self.first) + rest.sum()

    def _sample_and_log_prob(self, key: Array, condition: Any) -> tuple[Array, Array]:
        z = self.wide * jax.random.normal(key, self.shape)
        first = self.first * z[0]
        x = jnp.concatenate([first[None], self.loc(first) + self.scale(first) * z[1:]])
        return x, self._log_prob(x, condition)


def simulate(rng: np.random.Generator, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return θ ~ N(0, 1) and x ~ N(θ, 1), element by element."""
    theta = rng.normal(size=(pairs, DIM))
    return theta, theta + rng.normal(size=(pairs, DIM))
