"""Checks of a table before a fit."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..._arrays import require_unmasked
from ..._columns import REMEDY, read_columns
from ..._errors import bad, require
from ..._shapes import is_shape, map_shapes
from ..._types import ArrayLike
from ...distributions._base import AbstractDistribution
from ...numerics.moments import Moments, correlation
from .rows import Rows, blocks, float_dtype

#: Largest dimension for which the correlation matrix is checked; beyond it the check would take too long.
MAX_CORRELATED = 1000
#: Smallest eigenvalue of the correlation matrix for which the columns count as independent.
MIN_EIGENVALUE = 1e-10
#: Largest spacing of floating-point numbers, in standard deviations of a column, that goes without a warning.
MAX_SPACING = 1e-3


def check_table(
    flow: AbstractDistribution, x: ArrayLike, condition: ArrayLike | None, weights: ArrayLike | None
) -> tuple[Rows, np.ndarray]:
    """Return the table, and the indices of its rows of positive weight.

    Raises:
        ValueError: if a dtype, a shape or a value is not as `fit` states.
    """
    x, names = _numeric("x", x)
    _check_shape("x", x, flow.shape, names)
    require(len(x) >= 2, "x", "at least two rows", f"`{len(x)} row{'' if len(x) == 1 else 's'}`")
    condition_names = None
    if flow.cond_shape is None:
        if condition is not None:
            remedy = "Build the flow with `cond_dim` to condition it."
            raise bad("condition", "None for an unconditional flow", "`an array`", remedy)
    else:
        if condition is None and is_shape(flow.cond_shape):
            remedy = "This flow is conditional: pass what it is conditioned on."
            raise bad("condition", f"an array of shape (rows, {', '.join(map(str, flow.cond_shape))})", None, remedy)
        rule = f"of as many rows as `x`, {len(x)}"
        found: list[tuple[str, ...] | None] = []

        def checked(name: str, shape: tuple[int, ...], part: Any) -> np.ndarray:
            array, columns = _numeric(name, part)
            _check_shape(name, array, shape, columns)
            require(len(array) == len(x), name, rule, f"`{len(array)} rows`")
            _check_finite(name, array, columns)
            found.append(columns)
            return array

        condition = map_shapes(checked, "condition", flow.cond_shape, condition)
        condition_names = found[0] if is_shape(flow.cond_shape) else None
    _check_finite("x", x, names)
    table = Rows(x, condition, names=names, condition_names=condition_names)
    if weights is None:
        return table, np.arange(len(x))
    weights = _numeric("weights", weights)[0].astype(np.float64)
    _check_weights(weights, len(x))
    return replace(table, weights=weights), np.flatnonzero(weights)


def check_groups(groups: ArrayLike, rows: int) -> np.ndarray:
    """Return a number for each row, the same for rows of the same group.

    Raises:
        ValueError: unless there is a label for each row, and at least two groups.
    """
    require_unmasked("groups", groups)
    labels = np.asarray(groups)
    require(labels.shape == (rows,), "groups", f"a label for each row, of shape ({rows},)", f"`shape {labels.shape}`")
    numbers: dict[Any, int] = {}
    out = np.empty(rows, np.int64)
    for row, label in enumerate(labels.tolist()):
        if label is None or label != label or type(label).__name__ == "NAType":
            remedy = "Give rows that belong to no other a label of their own."
            raise bad("groups", "a label for each row", f"`{label}` in row {row}", remedy)
        out[row] = numbers.setdefault(label, len(numbers))
    require(len(numbers) >= 2, "groups", "of two groups at least", f"`{len(numbers)} group`")
    return out


def check_columns(table: Rows, rows: np.ndarray, moments: Moments) -> None:
    """Check that the columns of x vary over the training rows, enough for its dtype, and are linearly independent.

    Raises:
        ValueError: if a column is constant, or columns are linearly dependent: no density exists.
    """
    dtype, shape, names = float_dtype(table.x), table.x.shape[1:], table.names
    constant = np.flatnonzero(moments.low.astype(dtype) == moments.high.astype(dtype))
    if constant.size:
        j = constant[0]
        rule = f"of columns that vary in {dtype}"
        if moments.low[j] == moments.high[j]:
            value = f"`{moments.low[j]:g} in all {len(rows)} training rows` in {name_columns(constant, shape, names)}"
            remedy = "A constant has no density: leave the column out."
            if len(shape) > 1:
                remedy = 'Whole numbers, such as pixels, have no density: add noise by `noise="uniform"`.'
            raise bad("x", rule, value, remedy)
        value = f"`values from {float(moments.low[j])!r} to {float(moments.high[j])!r}`"
        value += f" in {name_columns(constant, shape, names)}"
        raise bad("x", rule, value, _finer(dtype))
    spacing = np.finfo(dtype).eps * np.abs(moments.loc) / moments.scale
    coarse = np.flatnonzero(spacing > MAX_SPACING)
    if coarse.size:
        j = coarse[np.argmax(spacing[coarse])]
        warnings.warn(
            f"{name_columns(coarse, shape, names)} of `x`: the values are so far from zero that {dtype} numbers "
            f"there are {spacing[j]:.2g} standard deviations apart (location {moments.loc[j]:.6g}, standard "
            f"deviation {moments.scale[j]:.3g}). {_finer(dtype)}",
            UserWarning,
            stacklevel=3,
        )
    dim = len(moments.loc)
    if 1 < dim <= MAX_CORRELATED and len(rows) > dim:
        values, vectors = np.linalg.eigh(correlation((block for _, block in blocks(table.x, rows)), moments))
        if values[0] < MIN_EIGENVALUE:
            involved = np.flatnonzero(np.abs(vectors[:, 0]) > 0.1 * np.abs(vectors[:, 0]).max())
            raise bad(
                "x",
                "of linearly independent columns",
                f"`a linear relation between {name_columns(involved, shape, names)}`",
                "Such data have no density: leave one of these columns out.",
            )


def check_whole_numbers(table: Rows) -> None:
    """Check that the events are whole numbers, so that uniform noise fills the gaps between them.

    Raises:
        ValueError: if they are not.
    """
    if table.x.dtype.kind in "biu":
        return
    for start, block in blocks(table.x):
        row, column = np.nonzero(block != np.floor(block))
        if row.size:
            value = f"`{block[row[0], column[0]]:g}` in row {start + row[0]}"
            remedy = (
                "Images of floats from 0 to 1 become pixels by np.round(255 * x).astype(np.uint8), "
                "with the largest pixel in place of 255."
            )
            raise bad("x", "whole numbers where `noise` fills the gaps between them", value, remedy)


def warn_constant_conditions(table: Rows, of_condition: Any) -> None:
    """Warn of constant columns of the condition, from which a flow learns nothing.

    The inputs of an embedding may be constant: the margin of an image, a mask that hides nothing.
    """
    if not isinstance(table.condition, np.ndarray) or table.condition.ndim > 2:
        return
    constant = np.flatnonzero(of_condition.low == of_condition.high)
    if constant.size:
        where = name_columns(constant, table.condition.shape[1:], table.condition_names)
        warnings.warn(
            f"`condition` is constant over the training rows in {where}: how the density depends on it cannot be "
            "learned.",
            UserWarning,
            stacklevel=3,
        )


def name_columns(
    columns: np.ndarray | Sequence[int], shape: tuple[int, ...], names: Sequence[str] | None = None
) -> str:
    """Name elements of an event by their flat indices: "column 3", "column `age`", "element (0, 1)"."""
    noun = "column" if len(shape) == 1 else "element"

    def of_element(j: int) -> str:
        if len(shape) != 1:
            return str(tuple(map(int, np.unravel_index(j, shape))))
        return str(j) if names is None else f"`{names[j]}`"

    more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
    return f"{noun}{'s' if len(columns) > 1 else ''} {', '.join(map(of_element, map(int, columns[:8])))}{more}"


def _finer(dtype: np.dtype) -> str:
    offset = "Subtract an offset from the column (for a time, its first value)"
    return f"{offset}, or enable 64-bit JAX and pass float64." if dtype == np.float32 else f"{offset}."


def _numeric(name: str, given: Any) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Return an array of real numbers, and the names of its columns if it has some."""
    columns = read_columns(name, given)
    if columns is not None:
        require_unmasked(name, columns.values, columns.names)
        return np.asarray(columns.values), columns.names
    require_unmasked(name, given)
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise bad(name, "an array", type(given).__name__, "Its rows differ in length.") from error
    if array.dtype.kind == "V" and np.can_cast(array.dtype, np.float32):
        array = array.astype(np.float32)  # bfloat16 and similar types
    if array.dtype.kind not in "biuf":
        raise bad(name, "an array of real numbers", f"`dtype {array.dtype}`", REMEDY)
    return array, None


def _check_shape(name: str, array: np.ndarray, shape: tuple[int, ...], names: Sequence[str] | None) -> None:
    expected = f"(rows, {', '.join(map(str, shape))})" if shape else "(rows,)"
    remedy = ""
    if array.ndim == len(shape) and math.prod(shape) == 1:
        remedy = f"Pass `{name}[:, None]`."
    elif name == "condition" and array.ndim == len(shape) == 1 and array.dtype.kind in "iu":
        remedy = f"Labels are one-hot: pass `np.eye({shape[0]})[condition]`."
    elif len(shape) == 3 and array.ndim == 3 and shape[2] == 1 and array.shape[1:] == shape[:2]:
        remedy = f"Pass `{name}[..., None]`."
    elif len(shape) == 3 and array.ndim == 4 and array.shape[1:] == (shape[2], *shape[:2]):
        remedy = f"Put the channels last: `{name}.transpose(0, 2, 3, 1)`."
    elif array.shape == shape:
        remedy = "One row is not enough for a fit."
    elif array.ndim == 2 and len(shape) == 1 and array.shape[1] != shape[0]:
        remedy = f"The flow is for {shape[0]} columns, the array has {array.shape[1]}"
        remedy += "." if names is None else f": {name_columns(range(len(names)), array.shape[1:], names)}."
    ok = array.shape[1:] == shape and array.ndim > 0
    require(ok, name, f"of shape {expected}", f"`shape {array.shape}`", remedy)


def _check_finite(name: str, array: np.ndarray, names: Sequence[str] | None) -> None:
    shape = array.shape[1:]
    top = float(np.finfo(float_dtype(array)).max)
    nans = infinities = 0
    first = None
    beyond: dict[int, float] = {}
    for start, block in blocks(array):
        largest = np.abs(block).max(axis=0, initial=0.0)
        if largest.size == 0 or largest.max() <= top:  # False for NaN
            continue
        wrong = ~np.isfinite(block)
        nans += int(np.isnan(block).sum())
        infinities += int(np.isinf(block).sum())
        if first is None and wrong.any():
            first = np.argwhere(wrong)[0] + (start, 0)
        for j in np.flatnonzero((largest > top) & np.isfinite(largest)):
            beyond[int(j)] = max(float(largest[j]), beyond.get(int(j), 0.0))
    if first is not None:
        counts = [
            f"{n} {kind} cell{'s' if n > 1 else ''}" for n, kind in ((nans, "NaN"), (infinities, "infinite")) if n
        ]
        where = f"row {first[0]}" + (f", {name_columns(first[1:], shape, names)}" if shape else "")
        remedy = "Drop the rows or fill the cells in."
        raise bad(name, "finite", f"`{' and '.join(counts)}`, the first in {where}", remedy)
    if beyond:
        raise bad(
            name,
            f"within the range of {float_dtype(array)}, ±{top:.1e}",
            f"`±{max(beyond.values()):.1e}` in {name_columns(sorted(beyond), shape, names)}",
            "Use a larger unit, or enable 64-bit JAX and pass float64.",
        )


def _check_weights(weights: np.ndarray, rows: int) -> None:
    require(weights.shape == (rows,), "weights", f"of shape ({rows},)", f"`shape {weights.shape}`")
    finite = np.isfinite(weights)
    if not finite.all():
        i = int(np.flatnonzero(~finite)[0])
        raise bad("weights", "finite", f"`{weights[i]}` in row {i}")
    negative = np.flatnonzero(weights < 0)
    if negative.size:
        i = int(negative[0])
        raise bad("weights", "non-negative", f"`{weights[i]:g}` in row {i} ({negative.size} negative in all)")
    positive = np.count_nonzero(weights)
    require(bool(positive >= 2), "weights", "positive in at least two rows", f"`{positive} positive`")
