"""Tables of named columns become numbers, whatever library holds them; what is no number is named."""

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import pushforward as pf
from pushforward._columns import read_columns

A, B = [1.5, 2.5, None], [1, 0, 1]
EXPECTED = np.array([[1.5, 1], [2.5, 0], [np.nan, 1]])


def masked() -> np.ndarray:
    table = np.ma.zeros(3, [("a", float), ("b", "?")])
    table["a"], table["b"] = np.ma.masked_greater([1.5, 2.5, 1e6], 10.0), B
    return table


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": A, "b": B}),
        pd.DataFrame({"a": pd.array(A, "Float64"), "b": pd.array(B, "boolean")}),
        pd.DataFrame(
            {"a": np.array([1.5, np.float32(2.5), None], object), "b": np.array([True, Decimal(0), 1], object)}
        ),
        pd.DataFrame({"a": pd.array(A, "float64[pyarrow]"), "b": pd.array(B, "int8[pyarrow]")}),
        pl.DataFrame({"a": A, "b": [True, False, True]}),
        pa.table({"a": A, "b": B}),
        masked(),
        pf.data.Table(("a", "b"), EXPECTED),
    ],
    ids=["pandas", "nullable", "objects", "pyarrow", "polars", "arrow", "structured", "table"],
)
def test_numbers_and_names(table: Any):
    found = read_columns("x", table)
    assert found is not None
    assert found.names == ("a", "b")
    np.testing.assert_array_equal(found.values, EXPECTED)


def test_types_are_kept_where_all_are_equal():
    for dtype in (np.float32, np.int16):
        found = read_columns("x", pd.DataFrame({"a": np.ones(2, dtype), "b": np.ones(2, dtype)}))
        assert found is not None
        assert found.values.dtype == dtype


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_text_is_named(make: Any):
    message = re.escape("`x` must be of columns of real numbers; got `'u' in row 0` of column `city`. Encode text")
    with pytest.raises(ValueError, match=message):
        read_columns("x", make({"a": [1.0, 2.0], "city": ["u", "v"]}))


@pytest.mark.parametrize("other", [np.eye(2), [[1.0, 2.0]], 3.0, pd.Series([1.0]), None], ids=repr)
def test_other_things_are_no_tables(other: Any):
    assert read_columns("x", other) is None
