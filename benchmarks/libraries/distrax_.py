"""distrax: its couplings, chained and inverted as in its example, with networks of Equinox; it has no other flow."""

from typing import Any

import distrax
import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from ..spec import Spec, UnsupportedError
from ._jax import JaxModel, adam


def build(spec: Spec, compiled: bool) -> JaxModel:
    if spec.architecture not in ("coupling", "real_nvp"):
        raise UnsupportedError("it has no autoregressive flow")
    splines, half = spec.architecture == "coupling", spec.dim // 2
    numbers = 3 * spec.bins + 1 if splines else 2

    def bijector(params: Any) -> distrax.Block:
        if splines:
            return distrax.Block(
                distrax.RationalQuadraticSpline(params, -spec.bound, spec.bound, boundary_slopes="identity"), 1
            )
        return distrax.Block(distrax.ScalarAffine(params[..., 0], log_scale=params[..., 1]), 1)

    def distribution(nets: list[eqx.nn.MLP], condition: Any) -> distrax.Transformed:
        def layer(net: eqx.nn.MLP, i: int) -> distrax.SplitCoupling:
            def conditioner(x: Any) -> Any:
                flat = net(x if condition is None else jnp.concatenate([x, condition]))
                return flat.reshape(-1, numbers)

            # Swapped, the second part is kept, which is the larger one if the dimension is odd.
            return distrax.SplitCoupling(half, 1, conditioner, bijector, swap=bool(i % 2))

        flow = distrax.Inverse(distrax.Chain([layer(net, i) for i, net in enumerate(nets)]))
        return distrax.Transformed(distrax.MultivariateNormalDiag(jnp.zeros(spec.dim)), flow)

    def net(key: Any, i: int) -> eqx.nn.MLP:
        kept = spec.dim - half if i % 2 else half
        return eqx.nn.MLP(
            kept + spec.condition, (spec.dim - kept) * numbers, spec.width, spec.depth, key=key, activation=jax.nn.relu
        )

    keys = jax.random.split(jax.random.key(spec.seed), spec.layers)
    params, static = eqx.partition([net(key, i) for i, key in enumerate(keys)], eqx.is_inexact_array)
    optimizer = adam(spec)

    def log_prob(params: Any, x: Any, condition: Any) -> Any:
        nets = eqx.combine(params, static)
        return jax.vmap(lambda x, c: distribution(nets, c).log_prob(x), (0, None if condition is None else 0))(
            x, condition
        )

    def sample(params: Any, key: Any, n: int, condition: Any) -> Any:
        nets = eqx.combine(params, static)
        return jax.vmap(lambda key, c: distribution(nets, c).sample(seed=key), (0, None if condition is None else 0))(
            jax.random.split(key, n), condition
        )

    @jax.jit
    def step(params: Any, state: Any, x: Any, condition: Any) -> tuple[Any, Any, Any]:
        loss, grads = jax.value_and_grad(lambda params: -log_prob(params, x, condition).mean())(params)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, loss

    return JaxModel(spec, params, step, log_prob, sample)
