"""Contract of programs: what XLA makes of a density, a draw and their derivatives in a user's own program.

XLA on CPU hands some reductions to a library that is many times slower than XLA's own code (see
`pushforward.numerics.reductions`), and a program does not show it until it is timed. This reads it from the text of the
compiled program; `python -m benchmarks` has the times.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from jax.sharding import Mesh, PartitionSpec
from numpyro.infer.util import potential_energy

import pushforward.numpyro as pn
from pushforward._fields import trainable

from ..cases import DISTRIBUTIONS, FLOWS, Case
from .study import made, of_shapes

#: Events of a batch: enough that the compiler finds the library worth its while.
EVENTS = 4096
#: Nothing but the choice of the library is asked for.
QUICK = {"xla_backend_optimization_level": 0}

SPLINES = [case for case in FLOWS if case.subject == "nsf"]
each_spline = pytest.mark.parametrize("case", SPLINES, ids=lambda case: case.name)


def slow_reductions(f: Callable[..., Any], *args: Any) -> list[str]:
    """Return the reductions that the library gets, with more than `EVENTS` elements behind the reduced axes.

    Sums along the events, or over all elements before them, the library does fast.
    """
    params, static = eqx.partition(args, eqx.is_array)
    program = jax.jit(lambda params: f(*eqx.combine(params, static)), compiler_options=QUICK).lower(params).compile()
    text = program.as_text()
    assert text is not None
    found = []
    for name in re.findall(r'calls=%?([\w.-]+),[^\n]*"__ynn_fusion"', text):
        body = re.search(rf"^%?{re.escape(name)} [^\n]*\{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL)
        assert body is not None
        shapes: dict[str, str] = dict(re.findall(r"%?([\w.-]+) = \w+\[([\d,]*)\]", body[1]))
        for operand, axes in re.findall(r" reduce\(%?([\w.-]+),[^)]*\), dimensions=\{([\d,]+)\}", body[1]):
            behind = shapes[operand].split(",")[int(axes.split(",")[-1]) + 1 :]
            if math.prod(map(int, behind)) > EVENTS:
                found.append(f"{shapes[operand]} over {axes}")
    return found


def inputs(case: Case) -> tuple[Any, jax.Array, Any]:
    """Return the model of a line, and events and conditions, all in float32."""
    model = made(case)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.uniform(0.1, 0.4, (EVENTS, *model.shape)), jnp.float32)
    model = jax.tree.map(lambda a: a.astype(jnp.float32) if eqx.is_inexact_array(a) else a, model)
    return model, x, of_shapes(lambda shape: jnp.ones((EVENTS, *shape), jnp.float32), model.cond_shape)


def everything(model: Any, x: jax.Array, condition: Any) -> Any:
    """Return densities, draws, and the derivatives of the densities in both modes."""
    params, static = eqx.partition(model, trainable(model))

    def density(params: Any, x: jax.Array) -> jax.Array:
        return eqx.combine(params, static).log_prob(x, condition)

    draws = model.sample(jax.random.key(0), () if condition is not None else (EVENTS,), condition)
    backward = jax.grad(lambda *args: density(*args).sum(), (0, 1))(params, x)
    return density(params, x), draws, backward, jax.jvp(density, (params, x), (params, x))


def test_a_slow_reduction_is_seen():
    x = jnp.ones((2, 8, 4, EVENTS), jnp.float32)
    assert slow_reductions(lambda x: jnp.sum(x, axis=1), x) == [f"2,8,4,{EVENTS} over 1"]
    assert slow_reductions(lambda x: jnp.sum(x, axis=(0, 1, 2)), x) == []


@pytest.mark.parametrize("case", FLOWS + DISTRIBUTIONS, ids=lambda case: case.name)
def test_no_reduction_is_slow(case: Case):
    assert slow_reductions(everything, *inputs(case)) == []


@each_spline
def test_no_reduction_is_slow_over_several_models_or_in_a_loop(case: Case):
    model, x, condition = inputs(case)
    params, static = eqx.partition(model, eqx.is_inexact_array)
    several = jax.tree.map(lambda a: jnp.stack([a, a]), params)

    def of_one(params: Any) -> Any:
        return eqx.combine(params, static).log_prob(x, condition)

    assert slow_reductions(jax.vmap(of_one), several) == []
    assert slow_reductions(lambda several: jax.lax.map(of_one, several), several) == []


@each_spline
def test_no_reduction_is_slow_event_by_event(case: Case):
    model, x, condition = inputs(case)
    if condition is None:
        assert slow_reductions(jax.vmap(model.log_prob), x) == []
    else:
        assert slow_reductions(jax.vmap(model.log_prob), x, condition) == []


@each_spline
def test_no_reduction_is_slow_on_several_devices(case: Case):
    model, x, condition = inputs(case)
    cut = PartitionSpec("events")
    mesh = Mesh(np.array(jax.devices()[:2]), ("events",))

    def of_part(x: jax.Array, condition: Any) -> jax.Array:
        return model.log_prob(x, condition)

    parts = jax.shard_map(of_part, mesh=mesh, in_specs=cut, out_specs=cut, check_vma=False)
    assert slow_reductions(parts, x, condition) == []


def test_no_reduction_is_slow_in_a_numpyro_model():
    model, x, _ = inputs(SPLINES[0])

    def observed(x: jax.Array) -> None:
        shift = numpyro.sample("shift", numpyro.distributions.Normal(0.0, 1.0))
        with numpyro.plate("rows", EVENTS):
            numpyro.sample("x", pn.FlowDistribution(model), obs=x + shift)

    def energy(shift: jax.Array) -> jax.Array:
        return jnp.asarray(potential_energy(observed, (x,), {}, {"shift": shift}))

    assert slow_reductions(jax.value_and_grad(energy), jnp.float32(0.1)) == []
