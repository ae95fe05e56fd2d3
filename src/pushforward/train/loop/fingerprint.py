"""The fingerprint of a fit: short strings by name. Fits of equal fingerprints are equal bit for bit."""

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
    """Return digests that identify the data."""
    conditions = jax.tree.leaves(table.condition)
    return {
        "x": _digest(table.x),
        "condition": "none" if not conditions else " ".join(map(_digest, conditions)),
        "weights": "none" if table.weights is None else _digest(table.weights),
    }


def digest_density(log_density: Callable[[Any], Any], shape: tuple[int, ...]) -> dict[str, str]:
    """Return a digest that identifies a log-density of events of `shape`: of its values at a few places."""
    places = np.random.default_rng(0).standard_normal((PLACES, *shape)).astype(np.float32)
    return {"log_density": _digest(np.asarray(jax.jit(jax.vmap(log_density))(places), np.float32))}


def digest_start(seed: np.ndarray, flow: PyTree, settings: dict[str, Any]) -> dict[str, str]:
    """Return digests that identify a random key, an initial flow and settings, name by name."""
    values = {name: repr(value) for name, value in settings.items()}
    return {"key": _digest(seed), "flow": tree_digest(flow), **values}


def digest_optimizer(optimizer: optax.GradientTransformation, rates: np.ndarray) -> dict[str, str]:
    """Return digests of the state and one update of an optimizer, which is made of functions, and of its rates."""
    return {"optimizer": tree_digest(_trial_update(optimizer)), "learning_rate": _digest(rates)}


def _trial_update(optimizer: optax.GradientTransformation) -> PyTree:
    params = np.linspace(-1.0, 2.0, 7, dtype=np.float32)
    update = optax.with_extra_args_support(optimizer).update

    @jax.jit
    def trial(params: Any) -> PyTree:
        state = optimizer.init(params)
        return update(0.3 * params, state, params, value=params[0], rate=params[-1])

    return trial(params)


def tree_digest(tree: PyTree) -> str:
    """Return a digest of the structure, the arrays and the names of the functions of a tree."""
    # Equinox prints a function by its name; `repr` would print its address, which differs in a resumed fit.
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
