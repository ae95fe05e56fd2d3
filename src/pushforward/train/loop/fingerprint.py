"""What decides a fit, as short strings by name: together a fingerprint. Fits of equal ones are equal bit for bit."""

import hashlib
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
from jaxtyping import PyTree

from ..rows.rows import Rows

#: Bytes hashed at a time.
BLOCK_BYTES = 1 << 25
#: Events at which a log-density is evaluated.
PLACES = 16


def digest_rows(table: Rows) -> dict[str, str]:
    """Return what tells data from other data."""
    conditions = jax.tree.leaves(table.condition)
    return {
        "x": _digest(table.x),
        "condition": "none" if not conditions else " ".join(map(_digest, conditions)),
        "weights": "none" if table.weights is None else _digest(table.weights),
    }


def digest_density(log_density: Callable[[Any], Any], shape: tuple[int, ...]) -> dict[str, str]:
    """Return what tells a log-density of events of `shape` from others: its values in a few places."""
    places = np.random.default_rng(0).standard_normal((PLACES, *shape)).astype(np.float32)
    return {"log_density": _digest(np.asarray(jax.jit(jax.vmap(log_density))(places), np.float32))}


def digest_start(seed: np.ndarray, flow: PyTree, settings: dict[str, Any]) -> dict[str, str]:
    """Return what tells a random key, a start and settings, name by name, from others."""
    values = {name: repr(value) for name, value in settings.items()}
    return {"key": _digest(seed), "flow": tree_digest(flow), **values}


def digest_optimizer(optimizer: optax.GradientTransformation, rates: np.ndarray) -> dict[str, str]:
    """Return what tells an optimizer, which is made of functions, from others: its state and one update; and rates."""
    return {"optimizer": tree_digest(_trial_update(optimizer)), "learning_rate": _digest(rates)}


def _trial_update(optimizer: optax.GradientTransformation) -> PyTree:
    params = np.linspace(-1.0, 2.0, 7, dtype=np.float32)
    update = optax.with_extra_args_support(optimizer).update

    @jax.jit
    def trial(params: Any) -> PyTree:
        state = optimizer.init(params)
        return update(0.3 * params, state, params, value=params[0])

    return trial(params)


def tree_digest(tree: PyTree) -> str:
    """Return a digest of the structure and the arrays of a tree; of functions, of their names."""
    # Equinox prints a function by its name, where the tree's own text has its address, which no resumed fit shares.
    digest = hashlib.blake2b(eqx.tree_pformat(tree).encode(), digest_size=16)
    for leaf in jax.tree.leaves(tree):
        if eqx.is_array_like(leaf):
            digest.update(_digest(np.asarray(leaf)).encode())
    return digest.hexdigest()


def _digest(array: np.ndarray) -> str:
    digest = hashlib.blake2b(f"{array.dtype} {array.shape}".encode(), digest_size=16)
    step = max(1, BLOCK_BYTES // max(1, array[:1].nbytes)) if array.ndim else 1
    for start in range(0, len(array), step) if array.ndim else (0,):
        part = array[start : start + step] if array.ndim else array
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()
