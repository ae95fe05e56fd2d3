"""FlowJAX: its ready-made flows, trained with the step that its `fit_to_data` repeats.

Its splines count inner knots, one less than bins, and learn the slopes at both ends of the domain too.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import paramax
from flowjax import flows
from flowjax.bijections import RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.train.losses import MaximumLikelihoodLoss
from flowjax.train.train_utils import step

from ..spec import Spec
from ._jax import JaxModel, adam


def build(spec: Spec, compiled: bool) -> JaxModel:
    splines = spec.architecture in ("nsf", "coupling")
    make = flows.masked_autoregressive_flow if spec.architecture in ("nsf", "maf") else flows.coupling_flow
    flow = make(
        jax.random.key(spec.seed),
        base_dist=Normal(jnp.zeros(spec.dim)),
        transformer=RationalQuadraticSpline(knots=spec.bins - 1, interval=spec.bound) if splines else None,
        cond_dim=spec.condition or None,
        flow_layers=spec.layers,
        nn_width=spec.width,
        nn_depth=spec.depth,
    )
    # The base is not learned, as in the other libraries.
    flow = eqx.tree_at(lambda flow: flow.base_dist, flow, replace_fn=paramax.non_trainable)
    params, static = eqx.partition(
        flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable)
    )
    optimizer, loss = adam(spec), MaximumLikelihoodLoss()

    def one_step(params: Any, state: Any, *batch: Any) -> tuple[Any, Any, Any]:
        return step(params, static, *batch, optimizer=optimizer, opt_state=state, loss_fn=loss)

    def log_prob(params: Any, x: Any, condition: Any) -> Any:
        return paramax.unwrap(eqx.combine(params, static)).log_prob(x, condition)

    def sample(params: Any, key: Any, n: int, condition: Any) -> Any:
        distribution = paramax.unwrap(eqx.combine(params, static))
        return distribution.sample(key, (n,) if condition is None else (), condition=condition)

    return JaxModel(spec, params, one_step, log_prob, sample)
