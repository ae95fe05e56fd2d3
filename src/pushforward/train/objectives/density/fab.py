"""Flow annealed importance sampling bootstrap: learn from events that Monte Carlo carries beyond the flow's mass."""

from dataclasses import dataclass, replace
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...._errors import require_count
from ...._types import Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ...rows.batch import Batch
from ._base import AbstractReplayObjective, Target, accumulated, weighted_sum

#: Acceptance rate to which the step sizes are adapted, and the factor of the adaptation after each epoch.
ACCEPTED, STEERED = 0.65, 1.2
#: Largest factor by which the flow's density may have changed since an event was weighted; larger ones are cut.
CHANGED = 10.0


@final
class Memory(eqx.Module):
    """Events of the replay buffer, the oldest first.

    Attributes:
        x: the events.
        log_weight: log of p² / q over the density that the events were drawn from; -inf where there is no event yet.
        log_q: log-density of the flow when the events were weighted.
        log_p: log p, to the power one.
        power: the power of p in the weights.
        step_size: step size of Hamiltonian Monte Carlo at each temperature.
    """

    x: Float[Array, "size ..."]
    log_weight: Scalars
    log_q: Scalars
    log_p: Scalars
    power: Scalar
    step_size: Float[Array, " temperatures"]


@final
@dataclass(frozen=True)
class FAB(AbstractReplayObjective):
    """Flow annealed importance sampling bootstrap: minimize the variance of importance weights, E_p[p / q].

    Annealed importance sampling, with Hamiltonian Monte Carlo transitions, carries draws of the flow towards p² / q:
    to where p has mass that the flow lacks. The weighted draws go into a replay buffer, from which the steps draw in
    proportion to the weights. FAB finds modes that the flow does not draw; an objective that only sees draws of the
    flow cannot find them. A step takes several times as long as with `ReverseKL`.

    Arguments:
        chains: number of events carried per epoch.
        temperatures: number of steps from q to p² / q, each with one Monte Carlo transition.
        leapfrogs: leapfrog steps of a transition.
        kept: number of epochs for which the buffer keeps events.

    Reference:
        "Flow Annealed Importance Sampling Bootstrap", Midgley, Stimper, Simm, Schölkopf, Hernández-Lobato, 2023;
        "Annealed importance sampling", Neal, 2001.
    """

    chains: int = 1024
    temperatures: int = 4
    leapfrogs: int = 5
    kept: int = 20
    shared = True
    zeros = True
    epoch = 10
    annealing = 0.5

    def __post_init__(self) -> None:
        """Check the counts."""
        for name in ("chains", "temperatures", "leapfrogs", "kept"):
            require_count(name, getattr(self, name))

    def start(self, shape: tuple[int, ...], dtype: Any) -> Memory:
        """Return an empty buffer."""
        size = self.chains * self.kept
        nothing, zeros = jnp.full(size, -jnp.inf, dtype), jnp.zeros(size, dtype)
        step_size = jnp.full(self.temperatures, 0.1, dtype)
        return Memory(jnp.zeros((size, *shape), dtype), nothing, zeros, zeros, jnp.ones((), dtype), step_size)

    def renew(self, flow: AbstractDistribution, target: Target, power: Scalar, memory: Memory, key: Key) -> Memory:
        """Return the buffer, reweighted for the present flow and power, with the oldest events replaced by new ones."""
        log_q, power = flow.log_prob(memory.x), power.astype(memory.power.dtype)
        # p² / q has changed by q_then / q_now. Weights of events where the flow has density zero stay.
        change = jnp.where(jnp.isfinite(log_q), memory.log_q - log_q, 0.0)
        change += jnp.where(jnp.isfinite(memory.log_p), 2 * (power - memory.power) * memory.log_p, 0.0)
        x, log_weight, new_log_q, new_log_p, accepted = self._carried(
            flow, lambda x: power * target(x), memory.step_size, key
        )
        step_size = memory.step_size * jnp.where(accepted > ACCEPTED, STEERED, 1 / STEERED)

        def pushed(old: Array, new: Array) -> Array:
            return jnp.concatenate([old[self.chains :], new])

        return Memory(
            pushed(memory.x, x),
            pushed(memory.log_weight + change, log_weight),
            pushed(jnp.where(jnp.isfinite(log_q), log_q, memory.log_q), new_log_q),
            pushed(memory.log_p, new_log_p / power),
            power,
            step_size,
        )

    def draw(self, memory: Memory, rng: np.random.Generator, batches: Batch) -> Batch:
        """Return the batches with events drawn in proportion to their weights, and log q when they were weighted."""
        log_weight = np.asarray(memory.log_weight, np.float64)
        top = log_weight.max()
        # If all events have density zero, draw from the newest: no event is better than another.
        newest = np.arange(len(log_weight)) >= len(log_weight) - self.chains
        weight = np.exp(log_weight - top) if np.isfinite(top) else newest.astype(np.float64)
        # As in `ForwardKL`: one event that annealing has carried to where q is tiny must not fill every batch.
        weight = np.minimum(weight / weight.sum(), 1 / np.sqrt(np.count_nonzero(weight)))
        chosen = rng.choice(len(weight), batches.weight.shape, p=weight / weight.sum())
        return replace(batches, x=np.asarray(memory.x)[chosen], log_q=np.asarray(memory.log_q)[chosen])

    def loss(self, flow: AbstractDistribution, target: Target, batch: Batch, key: Key) -> Scalar:
        """Return -Σ w log q(x) of events x of the buffer; w corrects for the change of the flow since the weighting."""

        def of_events(_: Key, weight: Scalars, x: Array, then: Scalars) -> Scalar:
            log_q = flow.log_prob(x)
            change = jnp.exp(jnp.minimum(then - jax.lax.stop_gradient(log_q), jnp.log(CHANGED)))
            return -weighted_sum(weight * change, log_q)

        return accumulated(of_events, key, batch.weight, batch.x, batch.log_q)

    def _carried(
        self, flow: AbstractDistribution, target: Target, step_size: Float[Array, " temperatures"], key: Key
    ) -> tuple[Array, Scalars, Scalars, Scalars, Float[Array, " temperatures"]]:
        """Return events carried to p² / q, their log-weights, log q, log p, and the acceptance at each temperature."""
        first, *keys = jax.random.split(key, self.temperatures + 1)
        x, log_q = flow.sample_and_log_prob(first, (self.chains,))
        log_p = target(x)

        # Log-density (1 - 2 b) log q + 2 b log p, b from 0 to 1: from q to p² / q.
        def move(carry: Any, inputs: Any) -> tuple[Any, Array]:
            x, log_q, log_p, log_weight = carry
            b, size, key = inputs
            log_weight = log_weight + 2 * (log_p - log_q) / self.temperatures
            x, log_q, log_p, accepted = self._transition(flow, target, b, size, key, x, log_q, log_p)
            return (x, log_q, log_p, log_weight), accepted.mean()

        b = jnp.arange(1, self.temperatures + 1, dtype=x.dtype) / self.temperatures
        begin = (x, log_q, log_p, jnp.zeros_like(log_q))
        (x, log_q, log_p, log_weight), accepted = jax.lax.scan(move, begin, (b, step_size, jnp.stack(keys)))
        return x, jnp.where(jnp.isnan(log_weight), -jnp.inf, log_weight), log_q, log_p, accepted

    def _transition(
        self,
        flow: AbstractDistribution,
        target: Target,
        b: Scalar,
        size: Scalar,
        key: Key,
        x: Array,
        log_q: Scalars,
        log_p: Scalars,
    ) -> tuple[Array, Scalars, Scalars, Bool[Array, " n"]]:
        """Return the events after one transition of Hamiltonian Monte Carlo, their densities, and which moved."""

        def density(x: Array) -> tuple[Scalar, tuple[Scalars, Scalars]]:
            log_q, log_p = flow.log_prob(x), target(x)
            return jnp.sum((1 - 2 * b) * log_q + 2 * b * log_p), (log_q, log_p)

        slope = jax.value_and_grad(density, has_aux=True)
        for_momentum, for_choice = jax.random.split(key)
        momentum = jax.random.normal(for_momentum, x.shape, x.dtype)

        def leap(
            state: tuple[Array, Array, Array], _: None
        ) -> tuple[tuple[Array, Array, Array], tuple[Scalars, Scalars]]:
            x, momentum, grad = state
            momentum = momentum + 0.5 * size * grad
            x = x + size * momentum
            (_, densities), grad = slope(x)
            return (x, momentum + 0.5 * size * grad, grad), densities

        _, grad = slope(x)
        (new, end, _), passed = jax.lax.scan(leap, (x, momentum, grad), None, self.leapfrogs)
        new_q, new_p = passed[0][-1], passed[1][-1]

        def energy(log_q: Scalars, log_p: Scalars, momentum: Array) -> Scalars:
            axes = tuple(range(1, momentum.ndim))
            return (1 - 2 * b) * log_q + 2 * b * log_p - 0.5 * jnp.square(momentum).sum(axis=axes)

        gain = energy(new_q, new_p, end) - energy(log_q, log_p, momentum)
        # A comparison with NaN is false: an event that left the domain returns to its old place.
        accepted = jnp.log(jax.random.uniform(for_choice, gain.shape, gain.dtype)) < gain
        x = jnp.where(accepted.reshape(accepted.shape + (1,) * (x.ndim - 1)), new, x)
        return x, jnp.where(accepted, new_q, log_q), jnp.where(accepted, new_p, log_p), accepted
