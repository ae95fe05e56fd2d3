"""Settings of estimators as the library takes them."""

from typing import Any

import jax
import numpy as np
from sklearn.utils import check_random_state

#: What decides a fit or draws: an integer, for the same ones each time, a generator, or None.
RandomState = int | np.random.RandomState | None


def plain(value: Any) -> Any:
    """Return a NumPy number, as a parameter search draws it, as a Python number, and a list as a tuple."""
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value


def seed_of(random_state: RandomState) -> int:
    """Return a seed."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def key_of(random_state: RandomState) -> jax.Array:
    """Return a random key."""
    return jax.random.key(seed_of(random_state))
