"""What is wrong with a table, found before anything is fitted to it."""

import math
import warnings
from typing import Any

import numpy as np

from ..._errors import bad, require
from ..._types import ArrayLike
from ...distributions._base import AbstractDistribution
from ...numerics.moments import Moments, correlation
from ..objectives.data.noisy_likelihood import Noise
from .rows import Rows, blocks, float_dtype

#: Largest dimension for which the correlation matrix is looked at; beyond it that would take too long.
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
        ValueError: if a dtype, a shape or a value is not what `fit` asks for.
    """
    x = _numeric("x", x)
    _check_shape("x", x, flow.shape)
    require(len(x) >= 2, "x", "at least two rows", f"`{len(x)} row{'' if len(x) == 1 else 's'}`")
    if flow.cond_shape is None:
        if condition is not None:
            remedy = "Build the flow with `cond_dim` to condition it."
            raise bad("condition", "None for an unconditional flow", "`an array`", remedy)
    else:
        if condition is None:
            remedy = "This flow is conditional: pass what it is conditioned on."
            raise bad("condition", f"an array of shape (rows, {', '.join(map(str, flow.cond_shape))})", None, remedy)
        condition = _numeric("condition", condition)
        _check_shape("condition", condition, flow.cond_shape)
        require(
            len(condition) == len(x),
            "condition",
            f"of as many rows as `x`, {len(x)}",
            f"`{len(condition)} rows`",
        )
        _check_finite("condition", condition)
    _check_finite("x", x)
    if weights is None:
        return Rows(x, condition, None), np.arange(len(x))
    weights = _numeric("weights", weights).astype(np.float64)
    _check_weights(weights, len(x))
    return Rows(x, condition, weights), np.flatnonzero(weights)


def check_columns(table: Rows, rows: np.ndarray, moments: Moments, shape: tuple[int, ...]) -> None:
    """Check that the columns of x vary over the training rows, enough for its dtype, and independently.

    Raises:
        ValueError: if a column is constant, or columns are linearly dependent: no density exists.
    """
    dtype = float_dtype(table.x)
    constant = np.flatnonzero(moments.low.astype(dtype) == moments.high.astype(dtype))
    if constant.size:
        j = constant[0]
        rule = f"of columns that vary in {dtype}"
        if moments.low[j] == moments.high[j]:
            value = f"`{moments.low[j]:g} in all {len(rows)} training rows` in {name_columns(constant, shape)}"
            remedy = "A constant has no density: leave the column out."
            if len(shape) > 1:
                remedy = 'Whole numbers, such as pixels, have no density: add noise by `noise="uniform"`.'
            raise bad("x", rule, value, remedy)
        value = (
            f"`values from {float(moments.low[j])!r} to {float(moments.high[j])!r}` in {name_columns(constant, shape)}"
        )
        raise bad("x", rule, value, _finer(dtype))
    spacing = np.finfo(dtype).eps * np.abs(moments.loc) / moments.scale
    coarse = np.flatnonzero(spacing > MAX_SPACING)
    if coarse.size:
        j = coarse[np.argmax(spacing[coarse])]
        warnings.warn(
            f"{name_columns(coarse, shape)} of `x`: the values are so far from zero that {dtype} numbers "
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
                f"`a linear relation between {name_columns(involved, shape)}`",
                "Such data have no density: leave one of these columns out.",
            )


def check_noise(table: Rows, shape: tuple[int, ...], noise: Noise) -> None:
    """Check what is to be added to the events, and that these are whole numbers where it is to fill the gaps.

    Raises:
        ValueError: if they are not, or `noise` is none of what it can be.
    """
    if noise is None:
        return
    if isinstance(noise, AbstractDistribution):
        rule = f'a distribution of events of shape {shape}, conditioned on {shape}, "uniform", a number or None'
        given = f"`events of shape {noise.shape}, conditioned on {noise.cond_shape}`"
        require(noise.shape == noise.cond_shape == shape, "noise", rule, given)
    elif noise != "uniform":
        number = isinstance(noise, float | int) and not isinstance(noise, bool)
        require(number and 0 < noise < math.inf, "noise", '"uniform", a positive number, a distribution or None', noise)
        return
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


def warn_constant_conditions(moments: Moments, shape: tuple[int, ...]) -> None:
    """Warn of columns of the condition from which nothing can be learned."""
    constant = np.flatnonzero(moments.low == moments.high)
    if constant.size:
        warnings.warn(
            f"`condition` is constant over the training rows in {name_columns(constant, shape)}: how the "
            "density depends on it cannot be learned.",
            UserWarning,
            stacklevel=3,
        )


def name_columns(columns: np.ndarray, shape: tuple[int, ...]) -> str:
    """Name elements of an event by their flat indices: "column 3", "columns 0, 3", "element (0, 1)"."""
    noun = "column" if len(shape) == 1 else "element"
    shown = [str(j) if len(shape) == 1 else str(tuple(map(int, np.unravel_index(j, shape)))) for j in columns[:8]]
    more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
    return f"{noun}{'s' if len(columns) > 1 else ''} {', '.join(shown)}{more}"


def _finer(dtype: np.dtype) -> str:
    offset = "Subtract an offset from the column (for a time, its first value)"
    return f"{offset}, or enable 64-bit JAX and pass float64." if dtype == np.float32 else f"{offset}."


def _numeric(name: str, array: Any) -> np.ndarray:
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise bad(name, "an array", type(array).__name__, "Its rows differ in length.") from error
    if array.dtype.kind == "V" and np.can_cast(array.dtype, np.float32):
        array = array.astype(np.float32)  # bfloat16 and its like
    if array.dtype.kind not in "biuf":
        remedy = "Encode text and categories as numbers, or leave the column out."
        raise bad(name, "an array of real numbers", f"`dtype {array.dtype}`", remedy)
    return array


def _check_shape(name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
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
        remedy = f"The flow is for {shape[0]} columns, the array has {array.shape[1]}."
    require(
        array.shape[1:] == shape and array.ndim > 0,
        name,
        f"of shape {expected}",
        f"`shape {array.shape}`",
        remedy,
    )


def _check_finite(name: str, array: np.ndarray) -> None:
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
        where = f"row {first[0]}" + (f", {name_columns(first[1:], shape)}" if shape else "")
        remedy = "Drop the rows or fill the cells in."
        raise bad(name, "finite", f"`{' and '.join(counts)}`, the first in {where}", remedy)
    if beyond:
        columns = np.array(sorted(beyond))
        raise bad(
            name,
            f"within the range of {float_dtype(array)}, ±{top:.1e}",
            f"`±{max(beyond.values()):.1e}` in {name_columns(columns, shape)}",
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
