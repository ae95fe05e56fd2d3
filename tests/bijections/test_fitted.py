"""Maps that are set from data, before they are."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from pushforward import bijections as b
from pushforward.bijections._base import AbstractBijection, forward_batch, inverse_batch

UNFITTED = {
    "Standardize": lambda: b.Standardize.unfitted((3,)),
    "TukeyH": lambda: b.TukeyH.unfitted((3,)),
    "Whiten": lambda: b.Whiten.unfitted(3),
    "Regress": lambda: b.Regress.unfitted(3, 2),
    "StandardizeCondition": lambda: b.StandardizeCondition.unfitted(b.Regress.unfitted(3, 2)),
}
NOT_THE_IDENTITY = {
    "Standardize": lambda: b.Standardize([0.0], [2.0], fitted=False),
    "TukeyH": lambda: b.TukeyH(0.0, 1.0, 0.0, 0.1, fitted=False),
    "Whiten": lambda: b.Whiten([[1.0, 0.0], [0.5, 1.0]], fitted=False),
    "Regress": lambda: b.Regress([[1.0]], [0.0], fitted=False),
    "StandardizeCondition": lambda: b.StandardizeCondition(b.Regress.unfitted(1, 1), [1.0], [1.0], fitted=False),
}


@pytest.mark.parametrize("make", UNFITTED.values(), ids=UNFITTED)
def test_costs_nothing_until_it_is_set(make: Callable[[], AbstractBijection]):
    """A user's own training loop sets no map from data; the whitening alone would take a sixth of a density."""
    bijection = make()
    condition = None if bijection.cond_shape is None else jnp.ones((2, 7))
    for direction in (forward_batch, inverse_batch):

        def moved(events: Any, direction: Any = direction) -> Any:
            return direction(bijection, events, condition)[0]

        program = jax.make_jaxpr(moved)(jnp.zeros((3, 7)))
        assert {eqn.primitive.name for eqn in program.eqns} <= {"broadcast_in_dim"}, program


@pytest.mark.parametrize("make", NOT_THE_IDENTITY.values(), ids=NOT_THE_IDENTITY)
def test_is_the_identity_until_it_is_set(make: Callable[[], AbstractBijection]):
    with pytest.raises(ValueError, match="`fitted` must be True"):
        make()
