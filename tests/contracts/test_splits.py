"""The contract of what passes through a coupling: the two parts make the event, and one does not see the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import bijections as b

from ..cases import SPLITS, Case
from ..conftest import SEED

each_split = pytest.mark.parametrize(("case", "shape"), SPLITS, ids=[case.name for case, _ in SPLITS])


@each_split
def test_the_parts_make_the_event(case: Case, shape: tuple[int, ...]):
    split = case.make(jax.random.key(SEED))
    events = jnp.asarray(np.random.default_rng(SEED).standard_normal((*shape, 4)))
    seen, moved = split.seen(events), split.moved(events)
    assert (seen.shape[:-1], moved.shape[:-1]) == split.shapes(shape)
    again, counted = split.join(events, moved, jnp.ones(moved.shape))
    np.testing.assert_array_equal(again, events)
    # As many derivatives count as elements change when all that can be mapped is.
    changed, _ = split.join(events, moved + 1, jnp.ones(moved.shape))
    assert 0 < np.sum(changed != events) == counted.sum() < events.size


@each_split
def test_what_passes_does_not_depend_on_what_is_mapped(case: Case, shape: tuple[int, ...]):
    split = case.make(jax.random.key(SEED))
    events = jnp.asarray(np.random.default_rng(SEED).standard_normal((*shape, 4)))
    changed, _ = split.join(events, split.moved(events) + 1, split.moved(events))
    np.testing.assert_array_equal(split.seen(changed), split.seen(events))


def test_events_that_cannot_be_split():
    with pytest.raises(ValueError, match=r"`axis` must be an axis of events of shape \(3,\); got 2."):
        b.Halves(2).shapes((3,))
    with pytest.raises(ValueError, match=r"`shape` must be \(height, width, channels\); got \(3,\)."):
        b.Checkerboard().shapes((3,))
