"""Conversion between the arrays of a model and the arrays of a file."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from .._errors import bad
from .errors import FileFormatError

#: The dtypes that a file can hold, by their names in safetensors.
DTYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype(np.bool_),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "U8": np.dtype(np.uint8),
    "U16": np.dtype(np.uint16),
    "U32": np.dtype(np.uint32),
    "U64": np.dtype(np.uint64),
    "F16": np.dtype(np.float16),
    "BF16": jnp.dtype(jnp.bfloat16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
}

#: The remedy where 64-bit arrays cannot be kept.
ENABLE_X64 = 'call `jax.config.update("jax_enable_x64", True)`'


def to_numpy(value: Any, where: str) -> np.ndarray:
    """Return an array as a NumPy array in C order and in this machine's byte order.

    Raises:
        ValueError: if the array is traced, or its dtype is not in `DTYPES`; the message names `where`.
    """
    if isinstance(value, Tracer):
        raise bad(where, "a concrete array", "`a traced one`", "Save outside `jax.jit` and `jax.vmap`.")
    names = [dtype.name for dtype in DTYPES.values()]
    if value.dtype.name not in names:
        raise bad(where, f"of one of the dtypes {', '.join(names)}", f"`{value.dtype.name}`")
    array = np.asarray(value, order="C")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def from_numpy(array: np.ndarray, weak: bool, path: str) -> jax.Array:
    """Return a JAX array; 64-bit numbers become 32-bit numbers if JAX's 64-bit mode is off.

    Arguments:
        array: of a dtype in `DTYPES`.
        weak: whether the dtype is weak: it gives way to others in arithmetic, like the type of a Python number.
        path: the place of the array in the tree, for the error.

    Raises:
        FileFormatError: if a number does not fit into 32 bits.
    """
    with np.errstate(over="ignore"):
        out = jnp.asarray(array.astype(narrowed(array.dtype), copy=False))
    if out.dtype != array.dtype and not _fits(array, np.asarray(out)):
        enable = '`jax.config.update("jax_enable_x64", True)`'
        raise FileFormatError(f"`{path}` holds numbers too large for {out.dtype.name}; call {enable} before loading")
    zero = jnp.asarray(out.dtype.type(0).item())
    if weak and zero.dtype == out.dtype:
        # An indexed update is the public operation that keeps a weak dtype.
        return jnp.broadcast_to(zero, out.shape).at[...].set(out)
    return out


def is_weak(value: Any) -> bool:
    """Return whether the dtype of a JAX array is weak."""
    return getattr(value, "weak_type", False)


def narrowed(dtype: np.dtype) -> np.dtype:
    """Return the dtype that JAX, in its present mode, uses for `dtype`."""
    return np.dtype(jax.dtypes.canonicalize_dtype(dtype))


def _fits(wide: np.ndarray, narrow: np.ndarray) -> bool:
    if np.issubdtype(wide.dtype, np.integer):
        return np.array_equal(wide, narrow)
    return np.array_equal(np.isfinite(wide), np.isfinite(narrow))
