"""What the JAX libraries share: arrays, and a training loop of one jitted step per batch."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..spec import Spec


def count(params: Any) -> int:
    """Return how many numbers a tree holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(params) if eqx.is_inexact_array(leaf))


def adam(spec: Spec) -> optax.GradientTransformation:
    """Return Adam with the learning rates of `spec`."""
    return optax.adam(optax.cosine_decay_schedule(spec.rate, spec.steps) if spec.steps else spec.rate)


class JaxModel:
    """Parameters, and pure functions of (params, x, condition) and (params, key, n, condition)."""

    def __init__(
        self,
        spec: Spec,
        params: Any,
        step: Callable[..., tuple[Any, Any, Any]],
        log_prob: Callable[..., Any],
        sample: Callable[..., Any],
    ):
        self._params, self._state = params, adam(spec).init(params)
        self._step, self._log_prob, self._sample = step, eqx.filter_jit(log_prob), eqx.filter_jit(sample)
        self._key = jax.random.key(spec.seed)
        self.parameters = count(params)

    def see(self, x: np.ndarray) -> None:
        """Leave the data to who standardized it."""

    def place(self, x: np.ndarray, condition: np.ndarray | None) -> list[tuple[Any, Any]]:
        return [(jnp.asarray(x[i]), None if condition is None else jnp.asarray(condition[i])) for i in range(len(x))]

    def train(self, placed: list[tuple[Any, Any]]) -> float:
        for batch in placed:
            self._params, self._state, loss = self._step(self._params, self._state, *batch)
        return float(jax.block_until_ready((loss, self._params))[0])

    def array(self, a: np.ndarray | None) -> Any:
        return None if a is None else jnp.asarray(a)

    def log_prob(self, x: Any, condition: Any) -> Any:
        return self._log_prob(self._params, x, condition).block_until_ready()

    def sample(self, n: int, condition: Any) -> Any:
        self._key, key = jax.random.split(self._key)
        return self._sample(self._params, key, n, condition).block_until_ready()
