"""Truths, their conditions, and draws of a density for comparison."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from .._errors import bad, require, require_count
from .._shapes import is_shape, map_shapes
from .._types import ArrayLike, Key
from ..distributions._base import AbstractDistribution

#: Number of elements drawn at once, so that memory is bounded.
MOST_NUMBERS = 2**24


def checked_pairs(
    names: tuple[str, str, str], density: AbstractDistribution, truth: ArrayLike, given: ArrayLike | None
) -> tuple[np.ndarray, Any]:
    """Return truths, and conditions or a tree of conditions, as arrays of rows in their own precision.

    Arguments:
        names: names of the arguments density, truths and conditions, for errors.
        density: a conditional or unconditional density.
        truth: shape (rows, *density.shape).
        given: shape (rows, *density.cond_shape), a tree of such arrays, or None for an unconditional density.

    Raises:
        ValueError: if a shape does not fit, there is no row, or a number is not finite.
    """
    truth = _rows(names[1], truth, density.shape)
    if density.cond_shape is None:
        require(given is None, names[2], f"None where `{names[0]}` is unconditional", "`an array`")
        return truth, None
    if given is None and is_shape(density.cond_shape):
        raise bad(names[2], f"an array of shape (rows, {', '.join(map(str, density.cond_shape))})", None)
    rule = f"of as many rows as `{names[1]}`, {len(truth)}"

    def checked(name: str, shape: tuple[int, ...], part: ArrayLike) -> np.ndarray:
        rows = _rows(name, part, shape)
        require(len(rows) == len(truth), name, rule, f"`{len(rows)} rows`")
        return rows

    return truth, map_shapes(checked, names[2], density.cond_shape, given)


def require_conditional(posterior: AbstractDistribution) -> None:
    """Raise a ValueError unless a posterior is conditional."""
    what = f"`a {type(posterior).__name__} of cond_shape None`"
    require(posterior.cond_shape is not None, "posterior", "a conditional density", what)


def draws(
    name: str, method: Callable[..., Any], key: Key, num_draws: int, truth: np.ndarray, given: Any
) -> Iterator[Any]:
    """Yield draws for each row in blocks, `num_draws` per row altogether.

    Arguments:
        name: name of the argument with the density, for errors.
        method: `sample` or `sample_and_log_prob` of a density.
        key: random key for the draws.
        num_draws: number of draws for each row.
        truth: the rows.
        given: conditions of the rows, if any.

    Yields:
        What `method` returns for shape (draws of the block, rows), as NumPy arrays.

    Raises:
        ValueError: if `num_draws` is not positive or a draw is not finite.
    """
    require_count("num_draws", num_draws)
    size = max(1, min(int(num_draws), MOST_NUMBERS // truth.size))
    for i, part in enumerate(jax.random.split(key, math.ceil(num_draws / size))):
        # The last block is drawn whole and cut: blocks of equal size compile once.
        kept = min(size, num_draws - i * size)
        block = method(part, size if given is not None else (size, len(truth)), given)
        block = jax.tree.map(lambda a, kept=kept: np.asarray(a)[:kept], block)
        wrong = sum(int((~np.isfinite(a)).sum()) for a in jax.tree.leaves(block))
        require(wrong == 0, name, "of finite draws", f"`{wrong:,} numbers that are not`", "See `round_trip`.")
        yield block


def _rows(name: str, rows: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.dtype.kind not in "fiub":
        raise bad(name, "an array of real numbers", f"`dtype {rows.dtype}`")
    if rows.shape[1:] != shape or rows.ndim != len(shape) + 1:
        raise bad(name, f"of shape (rows, {', '.join(map(str, shape))})", f"`shape {rows.shape}`")
    require_count(f"rows of {name}", len(rows))
    wrong = int((~np.isfinite(rows).reshape(len(rows), -1).all(axis=1)).sum())
    require(wrong == 0, name, "finite", f"`{wrong:,} of {len(rows):,} rows with a number that is not`")
    return rows
