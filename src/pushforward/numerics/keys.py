"""What `jax.random` draws, computed on the host: no program is compiled for it, where JAX compiles one for each shape.

A compilation takes a quarter of a second, as it draws numbers for many purposes. Keys of another kind than JAX's
default, and those inside JAX's transformations, are left to `jax.random`.

Reference:
    "Parallel Random Numbers: As Easy as 1, 2, 3", Salmon, Moraes, Dror, Shaw, 2011: Threefry, of two words of 32 bits
    and 20 rounds.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from .._types import Key

#: More numbers than so many are drawn faster by a compiled program.
MOST = 1 << 20
#: The kind of JAX's default keys.
THREEFRY = "threefry2x32"


def split_key(key: Key, count: int) -> list[Key]:
    """Return the keys of `jax.random.split(key, count)`."""
    words = _words(key)
    if words is None:
        return list(jax.random.split(key, count))
    return [_key(key, pair) for pair in np.stack(_threefry(words, np.arange(count)), axis=1)]


def split_keys(key: Key, count: int) -> Array:
    """Return `jax.random.split(key, count)`."""
    words = _words(key)
    return jax.random.split(key, count) if words is None else _key(key, np.stack(_threefry(words, np.arange(count)), 1))


def fold_in(key: Key, numbers: np.ndarray) -> Array:
    """Return `jax.random.fold_in(key, number)` for each number, from 0 to below 2³²."""
    words = _words(key)
    if words is None:
        return _folded_in(key, numbers)
    return _key(key, np.stack(_threefry(words, numbers), 1))


def uniform(key: Key, count: int) -> np.ndarray | None:
    """Return `jax.random.uniform(key, (count,), minval=-1.0)`, or None where that is to be compiled."""
    words = _words(key) if count <= MOST else None
    if words is None:
        return None
    high, low = _threefry(words, np.arange(count))
    dtype = np.dtype(jnp.result_type(float))
    if dtype == np.float64:
        bits = (high.astype(np.uint64) << np.uint64(32) | low) >> np.uint64(12)
    else:
        bits = (high ^ low) >> np.uint32(9)
    # Bits of the mantissa of a number in [1, 2).
    return ((bits | np.array(1, dtype).view(bits.dtype)).view(dtype) - dtype.type(1)) * dtype.type(2) - dtype.type(1)


@jax.jit
def _folded_in(key: Key, numbers: Array) -> Array:
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)


def _words(key: Key) -> np.ndarray | None:
    """Return the two words of a key; None unless it is a concrete key of Threefry, as JAX uses it by default."""
    if isinstance(key, Tracer) or not jax.config.values["jax_threefry_partitionable"]:
        return None
    if _is_new(key):
        key = jax.random.key_data(key) if str(jax.random.key_impl(key)) == THREEFRY else jnp.zeros(0)
    elif jax.config.values["jax_default_prng_impl"] != THREEFRY:
        return None
    return np.asarray(key) if key.shape == (2,) else None


def _key(like: Key, words: np.ndarray) -> Any:
    """Return words as keys of the same style, old or new, as another."""
    data = jax.device_put(words)
    return jax.random.wrap_key_data(data, impl=THREEFRY) if _is_new(like) else data


def _is_new(key: Key) -> Any:
    return jnp.issubdtype(key.dtype, jax.dtypes.prng_key)


def _threefry(key: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two words of random bits for each count below 2³²."""
    first, second = (np.uint32(word) for word in key)
    words = (first, second, first ^ second ^ np.uint32(0x1BD11BDA))
    rotations = ((13, 15, 26, 6), (17, 29, 16, 24))
    with np.errstate(over="ignore"):
        x = np.broadcast_to(words[0], counts.shape).copy()
        y = counts.astype(np.uint32) + words[1]
        for i in range(5):
            for by in rotations[i % 2]:
                x += y
                y = (y << np.uint32(by) | y >> np.uint32(32 - by)) ^ x
            x += words[(i + 1) % 3]
            y += words[(i + 2) % 3] + np.uint32(i + 1)
    return x, y
