"""The contract of bijections that are made of others: they can be walked, and what is pending in them is set."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import bijections as b
from pushforward.bijections._base import AbstractComposite
from pushforward.bijections._fitted import is_pending
from pushforward.bijections.walk import Step, steps
from pushforward.train.rows.rows import Rows
from pushforward.train.start.rows import RowsData
from pushforward.train.start.walk import set_from

from ..cases import ADAPT, BIJECTIONS, FLOWS, Case
from .study import BULK, bijection_of, conditions, made, points, randomized

COMPOSITES = [case for case in BIJECTIONS + FLOWS + ADAPT if isinstance(bijection_of(made(case)), AbstractComposite)]

each_composite = pytest.mark.parametrize("case", COMPOSITES, ids=lambda case: case.name)


def batch_last(array: Any) -> Any:
    return None if array is None else jnp.moveaxis(jnp.asarray(array[:BULK]), 0, -1)


@each_composite
def test_the_walk_composed_is_the_map(case: Case):
    """In both directions, values and log-determinants; every step on the way is no composite."""
    bijection = bijection_of(randomized(case, "float64", 1.0))
    condition = batch_last(conditions(bijection.cond_shape, "float64"))
    way = steps(bijection)
    assert not any(isinstance(step.bijection, AbstractComposite) for step in way)
    for support, name, along in ((case.z, "forward", way), (case.x, "inverse", way[::-1])):
        events = batch_last(points(support, bijection.shape, "float64")[0])

        @jax.jit
        def both(events: Any, condition: Any, name: str = name, along: Any = along) -> Any:
            whole = getattr(bijection, f"_{name}_batch")(events, condition)
            total = 0.0
            for step in along:
                events, log_det = getattr(step, name)(events, condition)
                total = total + log_det
            return whole, (events, total)

        whole, walked = both(events, condition)
        for one, other in zip(whole, walked, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-9)


def _is_added(step: Step) -> bool:
    return isinstance(step.bijection, b.Standardize) and not step.bijection.fitted


@each_composite
def test_what_is_pending_in_it_is_set(case: Case):
    """A `Standardize` on the base side of each part sees data of mean 0 and variance 1 there, once it is set."""
    bijection = bijection_of(made(case))
    pending = [b.Chain([b.Standardize.unfitted(p.bijection.shape), p.bijection]) for p in bijection.parts()]
    bijection = bijection.rebuild(pending)
    added = {step.path for step in steps(bijection) if _is_added(step)}
    assert added
    x = points(case.x, bijection.shape, "float64")[0][:BULK]
    condition = conditions(bijection.cond_shape, "float64")
    rows = np.arange(BULK)
    table = Rows(x, None if condition is None else condition[:BULK], None)
    bijection = set_from(bijection, RowsData(table, rows, rows))
    assert not is_pending(bijection)
    # What reaches the outermost of them, nearest the data, is standardized by it.
    events, given = batch_last(x), batch_last(condition)
    for step in reversed(steps(bijection)):
        events, _ = step.inverse(events, given)
        seen, _ = step.sees(events, given)
        if step.path in added and not step.inverted:
            np.testing.assert_allclose(np.mean(seen, axis=-1), 0, atol=1e-6)
            spread = np.std(seen, axis=-1)
            np.testing.assert_allclose(spread[spread > 1e-9], 1, rtol=1e-6)
            return
    assert any(step.inverted for step in steps(bijection))
