"""What decides a fit, as short strings by name: equal fingerprints mean bit-for-bit equal fits."""

import hashlib
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
from jaxtyping import PyTree

from ...distributions._base import AbstractDistribution
from ..rows.rows import Rows

#: Bytes hashed at a time.
BLOCK_BYTES = 1 << 25
#: Events at which a log-density is evaluated.
PLACES = 16


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
        **_common(key, flow, settings, optimizer, rates),
    }


def fingerprint_density(
    log_density: Callable[[Any], Any],
    key: np.ndarray,
    flow: AbstractDistribution,
    settings: dict[str, Any],
    optimizer: optax.GradientTransformation,
    rates: np.ndarray,
) -> dict[str, str]:
    """Return the fingerprint of a fit to a log-density, which is looked at in a few places; see `fingerprint`."""
    places = np.random.default_rng(0).standard_normal((PLACES, *flow.shape)).astype(np.float32)
    values = np.asarray(jax.jit(jax.vmap(log_density))(places), np.float32)
    return {"log_density": _digest(values), **_common(key, flow, settings, optimizer, rates)}


def _common(
    key: np.ndarray,
    flow: PyTree,
    settings: dict[str, Any],
    optimizer: optax.GradientTransformation,
    rates: np.ndarray,
) -> dict[str, str]:
    return {
        "key": _digest(key),
        "flow": tree_digest(flow),
        "optimizer": tree_digest(_trial_update(optimizer)),
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
