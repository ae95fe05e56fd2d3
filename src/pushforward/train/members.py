"""Several models of one structure, trained as one: stacked arrays, and each with validation rows of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int

from .._errors import require, require_count
from .._fields import trainable
from ..bijections._fitted import is_pending, was_fitted
from ..distributions._base import AbstractDistribution
from ..networks.weights import of_networks
from ..numerics.moments import Moments
from ..parallel.compile import compiled
from .defaults import MAX_PARAMETERS
from .loop.result import Flow
from .objectives.data._base import AbstractDataObjective
from .objectives.data.evaluate import Evaluate, validation
from .rows.batch import Batch
from .rows.rows import Rows
from .start.set_from_rows import rows_with_noise, set_from_rows

T = TypeVar("T", bound=eqx.Module)


def count_members(
    members: int | None, default: int, flow: AbstractDistribution, objective: AbstractDataObjective
) -> int:
    """Return the number of flows to fit, given the argument of a fit and its default.

    Raises:
        ValueError: if several are asked for, and the flow was fitted before or the noise is to be learned.
    """
    learned, fitted = objective.prepare(flow)[0] is not flow, was_fitted(flow)
    if members is None:
        parameters = sum(a.size for a in jax.tree.leaves(eqx.filter(flow, trainable(flow))))
        few = max(1, min(default, MAX_PARAMETERS // max(1, parameters)))
        # Without networks, all would start alike.
        differ = any(jax.tree.leaves(of_networks(flow)))
        return few if differ and is_pending(flow) and not (learned or fitted) else 1
    count = require_count("members", members)
    remedy = "Fit flows one by one and pass them to `pf.distributions.Mixture`."
    require(count == 1 or not learned, "members", "1 if more than the flow is trained", count, remedy)
    require(count == 1 or not fitted, "members", "1 for a flow that was fitted before", count, remedy)
    return count


def set_members(
    starts: Sequence[Flow],
    objective: AbstractDataObjective,
    table: Rows,
    rows: Sequence[np.ndarray],
    seed: np.ndarray,
    moments: tuple[Moments, Any],
) -> list[Flow]:
    """Set from the training rows of each flow all its bijections that need data.

    Where that makes flows of several structures, since the rows of some have heavy tails, all are set from the same
    rows: flows of one structure make one program.

    Arguments:
        starts: the flows.
        objective: says which noise they will see.
        table: the data.
        rows: the training rows of each flow.
        seed: the data of a random key.
        moments: of the rows of a single flow.
    """

    def at(place: int, own: np.ndarray) -> Flow:
        rng = np.random.default_rng([2, *seed.ravel().tolist(), *([place] if place else [])])
        if objective.noisy:
            noisy = rows_with_noise(objective.start_events, table, own, rng)
            return set_from_rows(starts[place], noisy, np.arange(len(noisy.x)), rng)
        return set_from_rows(starts[place], table, own, rng, moments if len(starts) == 1 else None)

    found = [at(place, own) for place, own in enumerate(rows)]
    if len({jax.tree.structure(flow) for flow in found}) > 1:
        return [at(place, rows[0]) for place in range(len(starts))]
    return found


def stack(models: Sequence[T]) -> T:
    """Return models of one structure as one, with stacked arrays."""
    return jax.tree.map(lambda *a: jax.device_put(np.stack(a)) if eqx.is_array(a[0]) else a[0], *models)


def unstack(stacked: T, count: int) -> list[T]:
    """Return the models of a stack of `count`."""
    arrays, rest = eqx.partition(stacked, eqx.is_array)
    host = jax.tree.map(np.asarray, arrays)
    return [eqx.combine(jax.tree.map(lambda a, i=i: jax.device_put(a[i]), host), rest) for i in range(count)]


def mean_validation(evaluate: Evaluate, table: Rows, vals: Sequence[np.ndarray]) -> Callable[[Any], float] | None:
    """Return a function (stacked models) -> the mean of their validation losses; None if there are no such rows.

    The members stop at one epoch. Their validation rows differ, so that it is chosen by more rows than one model could
    spare.
    """
    of_each = [validation(evaluate, table, val) for val in vals]

    def validate(stacked: Any) -> float:
        arrays, rest = eqx.partition(stacked, eqx.is_array)
        members = (eqx.combine(_take(arrays, jax.device_put(np.int32(i))), rest) for i in range(len(vals)))
        return float(np.mean([of(member) for of, member in zip(of_each, members, strict=True) if of is not None]))

    return None if of_each[0] is None else validate


@compiled
def _take(arrays: Any, which: Int[Array, ""]) -> Any:
    return jax.tree.map(lambda a: a[which], arrays)


def explain_member(objective: AbstractDataObjective, count: int) -> Callable[[Any, Batch, np.ndarray], str]:
    """Return a function (stacked models, batch, rows) -> a sentence on the first member that is not finite."""

    def explain(stacked: Any, batch: Batch, rows: np.ndarray) -> str:
        wrong = 0
        for i, model in enumerate(unstack(stacked, count)):
            own = replace(batch, weight=batch.weight[:, i])
            if not np.isfinite(np.asarray(objective.row_losses(model, own, jax.random.key(0)))).all():
                wrong = i
                break
        member = unstack(stacked, count)[wrong]
        return objective.explain(member, replace(batch, weight=batch.weight[:, wrong]), rows)

    return explain
