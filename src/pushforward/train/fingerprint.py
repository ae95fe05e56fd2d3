"""What decides a fit, as short strings by name: equal fingerprints mean bit-for-bit equal fits."""

import hashlib
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
from jaxtyping import PyTree

from .rows import Rows

#: Bytes hashed at a time.
BLOCK_BYTES = 1 << 25


def fingerprint(
    table: Rows,
    key: np.ndarray,
    flow: PyTree,
    settings: dict[str, Any],
    optimizer: optax.GradientTransformation,
    rates: np.ndarray,
) -> dict[str, str]:
    """Return the fingerprint of a fit.

    Of an optimizer, which is made of functions, the state and one update are looked at.

    Arguments:
        table: the data.
        key: the words of the random key.
        flow: the start.
        settings: what else decides the fit, name by name.
        optimizer: the optimizer.
        rates: learning rates at some steps.
    """
    return {
        "x": _digest(table.x),
        "condition": "none" if table.condition is None else _digest(table.condition),
        "weights": "none" if table.weights is None else _digest(table.weights),
        "key": _digest(key),
        "flow": _tree_digest(flow),
        "optimizer": _tree_digest(_trial_update(optimizer)),
        **{name: repr(value) for name, value in settings.items()},
        "learning_rate": _digest(rates),
    }


def _trial_update(optimizer: optax.GradientTransformation) -> PyTree:
    params = np.linspace(-1.0, 2.0, 7, dtype=np.float32)
    update = optax.with_extra_args_support(optimizer).update

    @jax.jit
    def trial(params: Any) -> PyTree:
        state = optimizer.init(params)
        return update(0.3 * params, state, params, value=params[0])

    return trial(params)


def _tree_digest(tree: PyTree) -> str:
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
