"""Maximum likelihood of events with noise: whole numbers become continuous, and more of few."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...._types import Event, Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ....parallel.compile import compiled

#: What is added to x: numbers uniform in [0, 1), normal ones of a standard deviation, or draws of a distribution.
Noise: TypeAlias = Literal["uniform"] | float | int | AbstractDistribution | None
#: A random change of an event.
Augment: TypeAlias = Callable[[Key, Event], Event]


@final
class WithDequantizer(eqx.Module):
    """A flow and the distribution of what is added to its events, trained together."""

    flow: AbstractDistribution
    dequantizer: AbstractDistribution


@final
@dataclass(frozen=True)
class NoisyLikelihood:
    """The loss of maximum likelihood where each use of a row adds other noise to it.

        Σ_i w_i (log q(u | x_i) - log p(x_i + u | c_i)),   u ~ q

    Attributes:
        noise: "uniform", or the standard deviation of normal noise, for which log q is left out, since what is learned
            is the density of the sum; None for none. Of a `WithDequantizer` it does not matter.
        augment: changes an event before.
        drop_condition: the probability with which a row's condition is replaced by zeros.
    """

    noise: str | float | None
    augment: Augment | None = None
    drop_condition: float = 0.0

    def __call__(self, model: Any, batch: dict[str, Any], key: Key) -> Scalar:
        """Return the loss of a batch, or of a part of one, in nats; see `negative_log_likelihood`."""
        x, condition = as_float(batch["x"]), batch["condition"]
        key_noise, key_augment, key_drop = jax.random.split(key, 3)
        if self.augment is not None:
            x = jax.vmap(self.augment)(jax.random.split(key_augment, len(x)), x)
        if self.drop_condition > 0:
            dropped = jax.random.bernoulli(key_drop, self.drop_condition, (len(x),) + (1,) * (condition.ndim - 1))
            condition = jnp.where(dropped, 0.0, condition)
        return -jnp.sum(batch["weight"] * self.log_prob(model, x, condition, key_noise))

    def log_prob(self, model: Any, x: Array, condition: Array | None, key: Key) -> Scalars:
        """Return log p(x + u | condition) - log q(u | x) of each row."""
        flow = model.flow if isinstance(model, WithDequantizer) else model
        moved, log_q = self.moved(model, x, key)
        return flow.log_prob(moved, condition) - log_q

    def moved(self, model: Any, x: Array, key: Key) -> tuple[Array, Scalars | float]:
        """Return x + u and log q(u | x)."""
        if isinstance(model, WithDequantizer):
            u, log_q = model.dequantizer.sample_and_log_prob(key, (), x)
            return x + u.astype(x.dtype), log_q
        if self.noise is None:
            return x, 0.0
        if isinstance(self.noise, str):
            return x + jax.random.uniform(key, x.shape, x.dtype), 0.0
        return x + self.noise * jax.random.normal(key, x.shape, x.dtype), 0.0


def as_float(x: Array) -> Array:
    """Return floats of x, bytes on the device or floats already."""
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


@compiled
def noisy_row_losses(
    loss: NoisyLikelihood, model: Any, batches: dict[str, Any], keys: Array
) -> Float[Array, "lines rows"]:
    """Return the loss of each row of stacked batches, unweighted and unchanged but for the noise."""

    def of_batch(at: Any) -> Scalars:
        batch, key = at
        return -loss.log_prob(model, as_float(batch["x"]), batch["condition"], key)

    return jax.lax.map(of_batch, (batches, keys))
