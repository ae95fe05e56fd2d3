"""Each kind of bad table is refused, or fitted with a warning, in a sentence that names what to look at."""

import re
import warnings
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
import pytest

from pushforward import flows
from pushforward.bijections import Exp, LULinear, Standardize
from pushforward.train import fit

from .helpers import flow_of, gaussian

X = np.random.default_rng(0).normal(size=(50, 2))
TINY: dict[str, Any] = {"max_epochs": 1, "progress": False}


def with_cells(*cells: tuple[int, int, float]) -> np.ndarray:
    x = X.copy()
    for row, column, value in cells:
        x[row, column] = value
    return x


def float32(flow):
    return jax.tree.map(lambda a: a.astype(np.float32) if eqx.is_inexact_array(a) else a, flow)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X.astype(str), r"`x` must be an array of real numbers; got dtype <U\d+"),
        (X.astype(object), "`x` must be an array of real numbers; got `dtype object`"),
        (X + 1j, "`x` must be an array of real numbers; got `dtype complex128`"),
        ([[1.0, 2.0], [3.0]], "Its rows differ in length"),
        (X.astype("M8[s]"), r"got `dtype datetime64\[s\]`"),
        (X[0], "One row is not enough"),
        (X[:1], "`x` must be at least two rows; got `1 row`"),
        (X[:0], "got `0 rows`"),
        (
            np.ones((50, 3)),
            r"`x` must be of shape \(rows, 2\); got `shape \(50, 3\)`. The flow is for 2 columns",
        ),
        (np.ones((5, 2, 2)), r"got `shape \(5, 2, 2\)`"),
        (3.0, r"got `shape \(\)`"),
        (
            with_cells((3, 1, np.nan)),
            "`x` must be finite; got `1 NaN cell`, the first in row 3, column 1. Drop",
        ),
        (
            with_cells((9, 0, np.inf), (7, 1, -np.inf), (8, 0, np.nan)),
            "got `1 NaN cell and 2 infinite cells`, the first in row 7, column 1",
        ),
        (X * [0, 1] + [3, 0], "got `3 in all 45 training rows` in column 0. A constant has no density"),
        (X[:, [1, 1]], "`a linear relation between columns 0, 1`"),
    ],
)
def test_bad_x(key, x, message):
    with pytest.raises(ValueError, match=message.replace("dtype <U", "`dtype <U")):
        fit(key, gaussian(), x, **TINY)


def test_linear_relation_names_the_columns_involved(key, rng):
    x = rng.normal(size=(200, 4)) * [1, 1e30, 1e-3, 1]
    x[:, 3] = 5 * x[:, 0] - 2000 * x[:, 2] + 7
    with pytest.raises(ValueError, match="`a linear relation between columns 0, 2, 3`"):
        fit(key, gaussian(4), x, **TINY)


def test_elements_of_an_event_with_several_axes_are_named_by_their_indices(key, rng):
    x = rng.normal(size=(20, 2, 3))
    x[4, 1, 2] = np.nan
    with pytest.raises(ValueError, match=re.escape("the first in row 4, element (1, 2)")):
        fit(key, flow_of(Standardize.unfitted((2, 3))), x, **TINY)


def test_one_dimension_must_be_an_axis(key):
    with pytest.raises(ValueError, match=re.escape("got `shape (50,)`. Pass `x[:, None]`.")):
        fit(key, gaussian(1), X[:, 0], **TINY)


def test_conditions(key):
    flow = flows.maf(key, 2, cond_dim=1, layers=1, hidden=(4,))
    c = X[:, :1] + 1
    with pytest.raises(ValueError, match="`condition` must be an array of shape"):
        fit(key, flow, X, **TINY)
    with pytest.raises(ValueError, match="`condition` must be None for an unconditional flow"):
        fit(key, gaussian(), X, c, **TINY)
    with pytest.raises(ValueError, match="`condition` must be of as many rows as `x`, 50; got `49 rows`"):
        fit(key, flow, X, c[1:], **TINY)
    with pytest.raises(ValueError, match=re.escape("`condition` must be of shape (rows, 1); got `shape (50, 2)`")):
        fit(key, flow, X, X, **TINY)
    with pytest.raises(ValueError, match="`condition` must be finite; got `50 NaN cells`, the first in row 0"):
        fit(key, flow, X, c * np.nan, **TINY)
    with pytest.warns(UserWarning, match="`condition` is constant over the training rows in column 0"):
        fit(key, flow, X, c * 0 + 3, **TINY)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(49), r"`weights` must be of shape \(50,\); got `shape \(49,\)`"),
        (np.ones((50, 1)), r"got `shape \(50, 1\)`"),
        (
            np.where(np.arange(50) == 4, -1.0, 1.0),
            r"`weights` must be non-negative; got `-1` in row 4 \(1 negative",
        ),
        (np.where(np.arange(50) == 4, np.nan, 1.0), "`weights` must be finite; got `nan` in row 4"),
        (np.zeros(50), "`weights` must be positive in at least two rows; got `0 positive`"),
        (["a"] * 50, "`weights` must be an array of real numbers"),
    ],
)
def test_bad_weights(key, weights, message):
    with pytest.raises(ValueError, match=message):
        fit(key, gaussian(), X, weights=weights, **TINY)


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_extreme_scales_are_standardized_in_float64(key, scale):
    x = X.astype(np.float32)
    # Not Adam: it blows the rounding noise of a vanishing gradient up to whole steps.
    sgd = {"optimizer": optax.sgd(1e-2), **TINY}
    plain = fit(key, float32(gaussian()), x, **sgd)
    scaled = fit(key, float32(gaussian()), (scale * x).astype(np.float32), **sgd)
    shift = 2 * np.log(scale)
    np.testing.assert_allclose(np.asarray(scaled.history["val"]) - shift, plain.history["val"], rtol=1e-4)
    assert np.isfinite(scaled.flow.log_prob((scale * x).astype(np.float32))).all()


def test_values_beyond_float32_are_named(key):
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(ValueError, match=r"within the range of float32, .* got `±2.0e\+200` in column 1"):
            fit(key, gaussian(), with_cells((5, 1, 2e200)), **TINY)
        with pytest.raises(ValueError, match=r"of columns that vary in float32; got `values from .* in columns 0, 1"):
            fit(key, gaussian(), X + 1e12, **TINY)
    finally:
        jax.config.update("jax_enable_x64", True)


def test_values_far_from_zero_are_warned_of(key):
    x = (X + np.array([0, 1e5])).astype(np.float32)
    with pytest.warns(UserWarning, match=r"column 1 of `x`: .* standard deviations apart.* Subtract an offset"):
        fit(key, float32(gaussian()), x, **TINY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(key, gaussian(), X + np.array([0, 1e5]), **TINY)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.float16, np.longdouble])
def test_other_number_types(key, rng, dtype):
    x = rng.integers(0, 100, size=(60, 2)).astype(dtype)
    result = fit(key, gaussian(), x, **TINY)
    assert np.isfinite(result.history["val"]).all()


def test_lists_and_jax_arrays(key):
    a = fit(key, gaussian(), X.tolist(), **TINY)
    b = fit(key, gaussian(), jax.numpy.asarray(X), **TINY)
    assert a.history == b.history


def test_rows_outside_the_support_are_found_before_training(key):
    flow = flow_of(LULinear(2), Standardize.unfitted((2,)), Exp((2,)))
    x = np.exp(X)
    x[[6, 20], 1] = -1.0
    message = (
        "got `2 of 50 rows without a finite log-density`, first row 6, 20. In that row element 1 is -1, not positive."
    )
    with pytest.raises(ValueError, match=message):
        fit(key, flow, x, **TINY)


def test_columns_are_named(key):
    import pandas as pd
    import polars as pl

    frame = pd.DataFrame({"age": X[:, 0], "dose": X[:, 1]})
    named = fit(key, gaussian(), frame, **TINY)
    assert named.history == fit(key, gaussian(), X, **TINY).history
    for change, message in {
        lambda f: f.assign(dose=3.0): "got `3 in all 45 training rows` in column `dose`",
        lambda f: f.assign(dose=2 * f["age"]): "`a linear relation between columns `age`, `dose``",
        lambda f: f.assign(dose=f["dose"].where(f.index != 4)): "`1 NaN cell`, the first in row 4, column `dose`",
        lambda f: f.assign(dose="high"): "got `'high' in row 0` of column `dose`. Encode text",
        lambda f: f.assign(sex=1.0): "the array has 3: columns `age`, `dose`, `sex`",
    }.items():
        with pytest.raises(ValueError, match=message):
            fit(key, gaussian(), change(frame), **TINY)
    flow = flows.maf(key, 2, cond_dim=1, layers=1, hidden=(4,))
    with pytest.warns(UserWarning, match="constant over the training rows in column `site`"):
        fit(key, flow, frame, pl.DataFrame({"site": np.ones(50)}), **TINY)


def test_masked_cells_are_missing(key):
    """As data they would be what lies below the mask: here 1e6."""
    x = np.ma.masked_greater(X, 1.0)
    x.data[x.mask] = 1e6
    row, column = np.argwhere(x.mask)[0]
    message = f"`x` must be finite; got `{x.mask.sum()} masked cells`, the first in row {row}, column {column}. Drop"
    with pytest.raises(ValueError, match=message):
        fit(key, gaussian(), x, **TINY)
    with pytest.raises(ValueError, match=message):
        gaussian().log_prob(x)
    with pytest.raises(ValueError, match=r"`weights` must be finite; got `\d+ masked cells`"):
        fit(key, gaussian(), X, weights=x[:, 0], **TINY)
    nothing_masked = np.ma.masked_greater(X, 100.0)
    assert fit(key, gaussian(), nothing_masked, **TINY).history == fit(key, gaussian(), X, **TINY).history
