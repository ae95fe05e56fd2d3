"""Conversion of a user's arguments to arrays."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ._errors import bad, require
from ._types import ArrayLike, Event, Whole


def as_float(name: str, x: ArrayLike) -> Event:
    """Return `x` as a floating-point array; a floating-point dtype is kept.

    Raises:
        ValueError: if `x` is no array of real numbers, or has masked cells.
    """
    require_unmasked(name, x)
    try:
        # For a new shape `jnp.asarray` compiles a program, even of an array of NumPy; `device_put` does not.
        x = jax.device_put(x) if type(x) is np.ndarray else jnp.asarray(x)
    except (TypeError, ValueError):
        raise bad(name, "an array of real numbers", x) from None
    if jnp.issubdtype(x.dtype, jnp.complexfloating) or jnp.issubdtype(x.dtype, jax.dtypes.extended):
        raise bad(name, "an array of real numbers", f"`dtype {x.dtype}`")
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))


def require_unmasked(name: str, x: ArrayLike, columns: tuple[str, ...] | None = None) -> None:
    """Raise if a NumPy masked array has masked cells, because the values under a mask are no data.

    Arguments:
        name: of the argument.
        x: anything; objects other than masked arrays pass.
        columns: the names of the columns of `x`.
    """
    if not isinstance(x, np.ma.MaskedArray) or not np.ma.is_masked(x):
        return
    places = np.argwhere(np.ma.getmaskarray(x))
    first = tuple(map(int, places[0]))
    where = f"row {first[0]}" if first else "the number itself"
    if len(first) == 2:
        where += f", column {first[1] if columns is None else f'`{columns[first[1]]}`'}"
    elif len(first) > 2:
        where += f", element {first[1:]}"
    count = f"{len(places)} masked cell{'s' if len(places) > 1 else ''}"
    raise bad(name, "finite", f"`{count}`, the first in {where}", "Drop the rows or fill the cells in.")


def joined_shape(name: str, shapes: Sequence[tuple[int, ...]], axis: Whole) -> tuple[tuple[int, ...], int]:
    """Return the shape of arrays joined along an axis, and the axis counted from the front.

    Raises:
        ValueError: if the axis does not exist, or the shapes differ along other axes.
    """
    ndim = len(shapes[0])
    require(bool(-ndim <= axis < ndim), "axis", f"between {-ndim} and {ndim - 1}", axis)
    at = int(axis) % ndim
    rests = {(len(s), s[:at], s[at + 1 :]) for s in shapes}
    require(len(rests) == 1, name, f"of shapes that agree but on axis {axis}", list(shapes))
    return (*shapes[0][:at], sum(s[at] for s in shapes), *shapes[0][at + 1 :]), at
