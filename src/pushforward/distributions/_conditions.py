"""Checks of a user's condition against the `cond_shape` of a density."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from .._arrays import as_float
from .._errors import bad
from .._shapes import Shapes, is_shape, map_shapes
from .._types import ArrayLike, ConditionTree


def checked_condition(shapes: Shapes, condition: ArrayLike | None) -> tuple[ConditionTree, tuple[int, ...]]:
    """Return the condition as an array, or a tree of arrays, and its leading axes.

    A single array is converted to floating point. In a tree, integers and booleans keep their dtype,
    since only the embedding knows whether they are values, labels or masks.

    Raises:
        ValueError: if the condition does not fit; the message names the part of the tree.
    """
    if shapes is None:
        if condition is not None:
            raise bad("condition", "None for an unconditional density", "`an array`")
        return None, ()
    remedy = "This density is conditional: pass what it is conditioned on."
    if is_shape(shapes):
        if condition is None:
            raise bad("condition", f"an array of trailing shape {shapes}", None, remedy)
        condition = as_float("condition", condition)
        return condition, leading_axes("condition", condition, shapes)
    if condition is None:
        raise bad("condition", f"a tree of arrays of trailing shapes {shapes}", None, remedy)
    found: dict[str, tuple[int, ...]] = {}

    def checked(name: str, shape: tuple[int, ...], part: Any) -> Array:
        if part is None:
            raise bad(name, f"an array of trailing shape {shape}", None)
        array = _as_array(name, part)
        found[name] = leading_axes(name, array, shape)
        first = next(iter(found))
        if found[name] != found[first]:
            raise bad(name, f"of the leading axes of `{first}`, {found[first]}", f"`{found[name]}`")
        return array

    return map_shapes(checked, "condition", shapes, condition), next(iter(found.values()), ())


def leading_axes(name: str, x: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the leading axes of an array of events of `shape`; raise if its last axes are not `shape`."""
    split = x.ndim - len(shape)
    if split < 0 or x.shape[split:] != shape:
        remedy = f"Pass `{name}[..., None]`, or [{name}] for a number." if shape == (1,) else ""
        raise bad(name, f"an array of trailing shape {shape}", f"`shape {x.shape}`", remedy)
    return x.shape[:split]


def _as_array(name: str, part: ArrayLike) -> Array:
    dtype = getattr(part, "dtype", None)
    is_whole = dtype is not None and any(jnp.issubdtype(dtype, kind) for kind in (jnp.bool_, jnp.integer))
    return jnp.asarray(part) if is_whole else as_float(name, part)
