"""Find the first part of a flow that turns finite numbers into non-finite ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ..bijections._base import AbstractBijection
from ..bijections.walk import Step, steps
from ..distributions._base import AbstractDistribution
from ..distributions.pushforward import Pushforward
from .rows.batch import Batch


def explain(flow: AbstractDistribution, batch: Batch, rows: np.ndarray) -> str:
    """Name the first bijection, from data to base, that gives a non-finite value or gradient, and the rows.

    The gradients of the batch's loss run from the base to the data: the part named for a gradient is the one nearest
    the base.

    Arguments:
        flow: any distribution; parts are named only of a `Pushforward`.
        batch: events, conditions and weights of one batch.
        rows: index into the table of each row of the batch, negative for padding.
    """
    real = rows >= 0
    rows = rows[real]
    batch = jax.tree.map(lambda a: jnp.asarray(a)[real], batch)
    if not isinstance(flow, Pushforward):
        at = f"the density ({type(flow).__name__})"
        wrong = ~np.isfinite(np.asarray(flow.log_prob(batch.x, batch.condition)))
        return _sentence(at, "value" if wrong.any() else "gradient", rows[wrong])
    events, condition = _batch_last(batch.x), _batch_last(batch.condition)
    way: list[tuple[Step, Any]] = []
    for step in reversed(steps(flow.bijection)):
        way.append((step, events))
        events, log_det = eqx.filter_jit(_undo(step, condition))(step.bijection, events)
        wrong = ~(_finite_rows(events) & _finite_rows(log_det))
        if wrong.any():
            return _sentence(_name(step), "value", rows[wrong])
    given = None if flow.base.cond_shape is None else batch.condition

    def log_prob(base: AbstractDistribution, events: Any) -> Any:
        return base.log_prob(jnp.moveaxis(events, -1, 0), given)

    name = f"base ({type(flow.base).__name__})"
    grads, pulled = _gradients(log_prob, flow.base, events, -batch.weight)
    wrong = ~_finite_rows(log_prob(flow.base, events))
    if wrong.any():
        return _sentence(name, "value", rows[wrong])
    wrong = ~_finite_rows(pulled)
    if wrong.any() or not _all_finite(grads):
        return _sentence(name, "gradient", rows[wrong])
    for step, events in reversed(way):
        grads, pulled = _gradients(_undo(step, condition), step.bijection, events, (pulled, -batch.weight))
        wrong = ~_finite_rows(pulled)
        if wrong.any() or not _all_finite(grads):
            return _sentence(_name(step), "gradient", rows[wrong])
    return "No single part is at fault: every value and gradient is finite, but their sum or the update is not."


def _name(step: Step) -> str:
    return f"{step.path} ({type(step.bijection).__name__})"


def _undo(step: Step, condition: Any) -> Callable[[AbstractBijection, Any], tuple[Any, Any]]:
    """Return a function (bijection of the step, events) -> (events one step nearer the base, log-determinants)."""
    return lambda bijection, events: replace(step, bijection=bijection).inverse(events, condition)


def _gradients(f: Callable[..., Any], module: PyTree, event: Any, cotangent: Any) -> tuple[PyTree, Any]:
    """Return the cotangents of the arrays of `module` and of `event`."""

    @eqx.filter_jit
    def pull_back(module: PyTree, event: Any, cotangent: Any) -> tuple[PyTree, Any]:
        arrays, static = eqx.partition(module, eqx.is_inexact_array)
        out, pull = jax.vjp(lambda a, e: f(eqx.combine(a, static), e), arrays, event)
        return pull(jax.tree.map(lambda c, o: c.astype(o.dtype).reshape(o.shape), cotangent, out))

    return pull_back(module, event, cotangent)


def _batch_last(array: Any) -> Any:
    return None if array is None else jnp.moveaxis(array, 0, -1)


def _finite_rows(values: Any) -> np.ndarray:
    """Return, for each row along the last axis, whether all its values are finite."""
    return np.all(np.isfinite(np.asarray(values)).reshape((-1, np.shape(values)[-1])), axis=0)


def _all_finite(tree: PyTree) -> bool:
    return all(bool(np.isfinite(np.asarray(a)).all()) for a in jax.tree.leaves(tree))


def _sentence(name: str, kind: str, rows: np.ndarray) -> str:
    where = ""
    if len(rows) == 1:
        where = f", in row {rows[0]} of `x`"
    elif len(rows) > 1:
        where = f", in {len(rows)} rows of `x`, first {', '.join(map(str, np.sort(rows)[:5]))}"
    return f"The first part to give a non-finite {kind} is `{name.replace(' (', '` (')}{where}."
