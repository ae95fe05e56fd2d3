"""pushforward: its ready-made flows in a program of the user's own, a step of optax under `jax.jit`.

The splines are alone (`affine=False`), as in the other libraries; "default" is the flow that a user gets.
"""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax

import pushforward as pf
from pushforward._fields import trainable

from ..spec import Spec
from ._jax import JaxModel, adam


def _flow(spec: Spec) -> pf.Pushforward:
    key = jax.random.key(spec.seed)
    common = {"cond_dim": spec.condition, "layers": spec.layers, "hidden": spec.hidden}
    splines = {"bins": spec.bins, "bound": spec.bound}
    match spec.architecture:
        case "default":
            return pf.flows.nsf(key, spec.dim, **common, **splines)
        case "nsf":
            return pf.flows.nsf(key, spec.dim, **common, **splines, affine=False)
        case "coupling":
            return pf.flows.nsf(key, spec.dim, **common, **splines, affine=False, wiring="coupling")
        case "maf":
            return pf.flows.maf(key, spec.dim, **common)
        case "real_nvp":
            return pf.flows.real_nvp(key, spec.dim, **common)
    raise ValueError(spec.architecture)


def _perturbed(flow: pf.Pushforward, key: Any) -> pf.Pushforward:
    params, frozen = eqx.partition(flow, trainable(flow))
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    moved = [
        leaf + 0.1 * jax.random.normal(k, leaf.shape) / np.sqrt(leaf.shape[-1])
        for k, leaf in zip(keys, leaves, strict=True)
    ]
    return eqx.combine(jax.tree.unflatten(structure, moved), frozen)


def build(spec: Spec, compiled: bool) -> JaxModel:
    flow = _flow(spec)
    if spec.perturbed:
        flow = _perturbed(flow, jax.random.key(spec.seed))

    def programs(flow: pf.Pushforward) -> Any:
        params, static = eqx.partition(flow, trainable(flow))
        optimizer = adam(spec)

        @jax.jit
        def step(params: Any, state: Any, x: Any, condition: Any) -> tuple[Any, Any, Any]:
            def loss(params: Any) -> Any:
                return -eqx.combine(params, static).log_prob(x, condition).mean()

            value, grads = jax.value_and_grad(loss)(params)
            updates, state = optimizer.update(grads, state)
            return optax.apply_updates(params, updates), state, value

        def log_prob(params: Any, x: Any, condition: Any) -> Any:
            return eqx.combine(params, static).log_prob(x, condition)

        def sample(params: Any, key: Any, n: int, condition: Any) -> Any:
            return eqx.combine(params, static).sample(key, (n,) if condition is None else (), condition)

        return params, step, log_prob, sample

    class Model(JaxModel):
        def see(self, x: np.ndarray) -> None:
            """Whiten as `pf.fit` does, if the flow is the default one; the others are as the peers' are."""
            if spec.architecture == "default":
                super().__init__(spec, *programs(pf.train.initialize(flow, x)))

    return Model(spec, *programs(flow))
