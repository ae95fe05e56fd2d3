"""Find the first part of a flow that turns finite numbers into non-finite ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ..bijections._base import AbstractBijection, condition_for
from ..bijections.composites.chain import Chain
from ..bijections.composites.concatenate import Concatenate
from ..bijections.composites.invert import Invert
from ..bijections.composites.reshape import Reshape
from ..bijections.composites.squeeze import Squeeze
from ..bijections.composites.stack import Stack
from ..bijections.elementwise.identity import Identity
from ..bijections.fitted.standardize_condition import StandardizeCondition
from ..distributions._base import AbstractDistribution
from ..distributions.pushforward import Pushforward
from .rows.batch import Batch


def explain(flow: AbstractDistribution, batch: Batch, rows: np.ndarray) -> str:
    """Name the first bijection, from data to base, that gives a non-finite value or gradient, and the rows.

    Gradients of the batch's loss are followed back from the base, so the first there is nearest the base.

    Arguments:
        flow: any distribution; of one that is no `Pushforward` no part can be named.
        batch: events, conditions and weights of one batch.
        rows: the table's row of each row of the batch, negative for padding.
    """
    real = rows >= 0
    rows = rows[real]
    batch = jax.tree.map(lambda a: jnp.asarray(a)[real], batch)
    if not isinstance(flow, Pushforward):
        at = f"the density ({type(flow).__name__})"
        wrong = ~np.isfinite(np.asarray(flow.log_prob(batch.x, batch.condition)))
        return _sentence(at, "value" if wrong.any() else "gradient", rows[wrong])
    stages: list[tuple[_Stage, Any]] = []
    event = batch.x
    for stage in _stages(flow.bijection, "bijection", batch.condition, False):
        stages.append((stage, event))
        event, log_det = eqx.filter_jit(stage.run)(stage.bijection, event)
        wrong = ~(_finite_rows(event, len(rows)) & _finite_rows(log_det, len(rows)))
        if wrong.any():
            return _sentence(stage.name, "value", rows[wrong])
    condition = batch.condition if flow.base.cond_shape is not None else None

    def base_loss(base: AbstractDistribution, event: Any) -> Any:
        return -jnp.sum(batch.weight * base.log_prob(event, condition))

    grads, pulled = _gradients(base_loss, flow.base, event, jnp.ones(()))
    name = f"base ({type(flow.base).__name__})"
    wrong = ~_finite_rows(flow.base.log_prob(event, condition), len(rows))
    if wrong.any():
        return _sentence(name, "value", rows[wrong])
    wrong = ~_finite_rows(pulled, len(rows))
    if wrong.any() or not _all_finite(grads):
        return _sentence(name, "gradient", rows[wrong])
    for stage, event in reversed(stages):
        cotangent = (pulled, -batch.weight)
        grads, pulled = _gradients(stage.run, stage.bijection, event, cotangent)
        wrong = ~_finite_rows(pulled, len(rows))
        if wrong.any() or not _all_finite(grads):
            return _sentence(stage.name, "gradient", rows[wrong])
    return "No single part is at fault: every value and gradient is finite, but their sum or the update is not."


@final
@dataclass(frozen=True)
class _Stage:
    """One bijection on the way from data to base, with the conditions it sees."""

    path: str
    kind: str
    bijection: AbstractBijection
    condition: Any
    forward: bool

    @property
    def name(self) -> str:
        return f"{self.path} ({self.kind})"

    def run(self, bijection: AbstractBijection, events: Any) -> tuple[Any, Any]:
        """Return the events one stage nearer the base, and the log-determinants."""

        def one(event: Any, condition: Any) -> tuple[Any, Any]:
            move = bijection.forward_and_log_det if self.forward else bijection.inverse_and_log_det
            return move(event, condition_for(bijection, condition))

        return jax.vmap(one)(events.reshape((len(events), *self.bijection.shape)), self.condition)


def _stages(bijection: AbstractBijection, path: str, condition: Any, forward: bool) -> Iterator[_Stage]:
    """Yield the parts of a bijection in the order in which they are run, which `Invert` reverses."""
    if isinstance(bijection, Chain | Stack):
        field, parts = (
            ("bijections", bijection.bijections) if isinstance(bijection, Chain) else ("layers()", bijection.layers())
        )
        for i in range(len(parts)) if forward else reversed(range(len(parts))):
            yield from _stages(parts[i], f"{path}.{field}[{i}]", condition, forward)
    elif isinstance(bijection, Invert):
        yield from _stages(bijection.bijection, f"{path}.bijection", condition, not forward)
    elif isinstance(bijection, Reshape):
        yield from _stages(bijection.bijection, f"{path}.bijection", condition, forward)
    elif isinstance(bijection, StandardizeCondition):
        condition = jax.vmap(bijection.standardize)(condition)
        yield from _stages(bijection.bijection, f"{path}.bijection", condition, forward)
    elif isinstance(bijection, Squeeze):
        # What a part does to the squeezed image, seen as what it does to the image.
        for stage in _stages(bijection.bijection, f"{path}.bijection", condition, forward):
            part = Reshape(stage.bijection, bijection.bijection.shape)
            yield replace(stage, bijection=Squeeze(part, bijection.factor))
    elif isinstance(bijection, Concatenate):
        for i, inner in enumerate(bijection.bijections):
            others = [Identity(part.shape) for part in bijection.bijections]
            for stage in _stages(inner, f"{path}.bijections[{i}]", condition, forward):
                parts = [*others[:i], Reshape(stage.bijection, inner.shape), *others[i + 1 :]]
                yield replace(stage, bijection=Concatenate(parts, bijection.axis))
    else:
        yield _Stage(path, type(bijection).__name__, bijection, condition, forward)


def _gradients(f: Callable[..., Any], module: PyTree, event: Any, cotangent: Any) -> tuple[PyTree, Any]:
    """Return the cotangents of the arrays of `module` and of `event`."""

    @eqx.filter_jit
    def pull_back(module: PyTree, event: Any, cotangent: Any) -> tuple[PyTree, Any]:
        arrays, static = eqx.partition(module, eqx.is_inexact_array)
        out, pull = jax.vjp(lambda a, e: f(eqx.combine(a, static), e), arrays, event)
        return pull(jax.tree.map(lambda c, o: c.astype(o.dtype).reshape(o.shape), cotangent, out))

    return pull_back(module, event, cotangent)


def _finite_rows(values: Any, rows: int) -> np.ndarray:
    return np.all(np.isfinite(np.asarray(values)).reshape((rows, -1)), axis=1)


def _all_finite(tree: PyTree) -> bool:
    return all(bool(np.isfinite(np.asarray(a)).all()) for a in jax.tree.leaves(tree))


def _sentence(name: str, kind: str, rows: np.ndarray) -> str:
    where = ""
    if len(rows) == 1:
        where = f", in row {rows[0]} of `x`"
    elif len(rows) > 1:
        where = f", in {len(rows)} rows of `x`, first {', '.join(map(str, np.sort(rows)[:5]))}"
    return f"The first part to give a non-finite {kind} is `{name.replace(' (', '` (')}{where}."
