"""The one sentence that reports every bad argument."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def bad(name: str, rule: str, value: Any, remedy: str = "") -> ValueError:
    """Build the error "`name` must be RULE; got VALUE. REMEDY" for the caller to raise."""
    shown = value if isinstance(value, str) and value.startswith("`") else " ".join(repr(value).split())
    if len(shown) > 200:
        shown = shown[:197] + "..."
    sentence = f"`{name}` must be {rule}; got {shown}."
    return ValueError(f"{sentence} {remedy}" if remedy else sentence)


def require(ok: bool, name: str, rule: str, value: Any, remedy: str = "") -> None:
    """Raise the error of `bad` unless `ok`."""
    if not ok:
        raise bad(name, rule, value, remedy)


def require_key(key: Any) -> None:
    """Raise unless `key` is a single JAX random key, of the new or the old style."""
    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", None)
    new = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key) and shape == ()
    old = dtype == np.uint32 and shape == (2,)
    require(new or old, "key", "a JAX random key", key, "Make one with jax.random.key(0).")


def checked_shape(shape: Any) -> tuple[int, ...]:
    """Return the shape of an event, after a check that it is one."""
    if not isinstance(shape, (tuple, list)) or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in shape):
        remedy = f"Pass ({shape},)." if isinstance(shape, int) else ""
        raise bad("shape", "a tuple of non-negative integers", shape, remedy)
    return tuple(int(n) for n in shape)


def require_count(name: str, value: Any, minimum: int = 1) -> int:
    """Return `value`, an integer of Python or of NumPy, as one of Python; raise if it is less than `minimum`."""
    rule = "a positive integer" if minimum == 1 else f"an integer of at least {minimum}"
    ok = bool(isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= minimum)
    require(ok, name, rule, value)
    return int(value)


def whole(name: str, value: Any) -> int:
    """Return a whole number, after a check that it is one."""
    require(isinstance(value, (int, np.integer)) and not isinstance(value, bool), name, "an integer", value)
    return int(value)
