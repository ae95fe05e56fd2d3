"""What scikit-learn hands over, as tables of the library."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from .._arrays import require_unmasked
from .._errors import bad, require
from ..data import Frame, read_frame
from ..data.tables.facts import ColumnFacts
from ..data.tables.kinds import all_kinds
from ..data.tables.left_out import LeftOut, reason_to_leave_out


def is_frame(X: Any) -> bool:
    """Whether `X` is a data frame, whose columns have names and types of their own."""
    has_columns = hasattr(X, "columns") or hasattr(X, "column_names")
    return isinstance(X, Frame) or (has_columns and getattr(X, "ndim", 2) == 2 and not isinstance(X, np.ndarray))


def features_of(estimator: Any, X: Any, reset: bool) -> Frame:
    """Return features as a table, after scikit-learn's checks of their names and number.

    Columns of an array are called x0, x1, ....

    Arguments:
        estimator: remembers names and number of the columns if `reset`, and has them checked if not.
        X: a data frame, or an array of numbers or of objects, in which cells may be missing.
        reset: whether this is a fit.

    Raises:
        ValueError: if the columns are not those of the fit, or a number is infinite.
        TypeError: if cells of an array are no text, number, truth value or date.
    """
    require_unmasked("X", X)
    if is_frame(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        frame = read_frame(X)
        require(len(frame) > 1 or not reset, "X", "of at least two rows", f"`{len(frame)} rows, 1 sample at most`")
        return frame
    checks: dict[str, Any] = {"dtype": None, "ensure_all_finite": "allow-nan", "ensure_min_samples": 2 if reset else 1}
    array: Any = validate_data(estimator, X, reset=reset, **checks)
    return _of_columns({f"x{j}": array[:, j] for j in range(array.shape[1])}, "X")


def targets_of(y: Any, rows: int, taken: Sequence[str]) -> tuple[Frame, bool]:
    """Return targets as a table, and whether there is one that is no column of a table.

    Arguments:
        y: a list, array or series of one target, or an array or data frame of several.
        rows: number of rows that it must have.
        taken: names that targets must not have: they get an underscore in front.

    Raises:
        ValueError: if a cell is missing or infinite, or the number of rows is another.
    """
    if y is None:
        raise ValueError("FlowRegressor requires y to be passed, but the target y is None.")
    require_unmasked("y", y)
    flat = not is_frame(y)
    if hasattr(y, "to_frame") and not is_frame(y):
        y = y.to_frame("y" if y.name in (None, "") else str(y.name))
    if is_frame(y):
        frame = read_frame(y)
    else:
        checks: dict[str, Any] = {"dtype": None, "ensure_2d": False, "ensure_min_samples": 0, "input_name": "y"}
        array = check_array(y, **checks)
        flat = array.ndim == 1
        columns = array[:, None] if flat else array
        names = ["y"] if columns.shape[1] == 1 else [f"y{j}" for j in range(columns.shape[1])]
        frame = _of_columns(dict(zip(names, columns.T, strict=True)), "y")
    check_consistent_length(np.zeros(rows), np.zeros(len(frame)))
    for name, count in frame.missing.items():
        rule = f"without missing cells, of which {name} has {count:,}"
        remedy = "Leave these rows out; `pushforward.TableModel` models missing cells."
        raise bad("y", rule, "`input with NaN or missing cells`", remedy)
    names = [_free(name, taken) for name in frame.names]
    return Frame(frame.table.rename_columns(names), like=frame.like if names == list(frame.names) else None), flat


def with_columns(frame: Frame, *more: Frame) -> Frame:
    """Return a table with the columns of others beside its own."""
    table = frame.table
    for other in more:
        for name in other.names:
            table = table.append_column(name, other.table[name])
    return Frame(table)


def column_of(name: str, values: Any) -> Frame:
    """Return a table of one column."""
    import pyarrow as pa

    return Frame(pa.table({name: pa.array(np.asarray(values, np.float64))}))


def numbers_of(values: Any) -> np.ndarray:
    """Return numbers in double precision; durations in seconds."""
    array = np.asarray(values)
    return array / np.timedelta64(1, "s") if array.dtype.kind == "m" else array.astype(np.float64)


def weights_of(sample_weight: Any, rows: int) -> np.ndarray:
    """Return weights of rows, after a check that there is one for each.

    Raises:
        ValueError: if there is not, one is negative or not finite, or all but one are zero.
    """
    weights = np.asarray(sample_weight, np.float64)
    require(weights.shape == (rows,), "sample_weight", f"of shape ({rows},)", f"`shape {weights.shape}`")
    ok = bool(np.isfinite(weights).all() and (weights >= 0).all())
    require(ok, "sample_weight", "non-negative and finite", sample_weight)
    rule = "positive in at least two rows"
    require(bool(np.count_nonzero(weights) >= 2), "sample_weight", rule, "`zero in all rows but one, or in all`")
    return weights


def kinds_of_features(frame: Frame, kinds: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[LeftOut, ...]]:
    """Return kinds for the features of a table, and the columns that say nothing of a target.

    A number is a number: a feature of whole or positive numbers may be any other in new rows.

    Arguments:
        frame: the features.
        kinds: kinds that the user has set.
    """
    found: dict[str, Any] = {}
    left_out: list[LeftOut] = []
    kept: dict[str, Any] = {}
    for name in frame.names:
        if name in kinds:
            found[name] = kinds[name]
            continue
        cells = frame.table[name].combine_chunks()
        facts = ColumnFacts(name, cells)
        reason = reason_to_leave_out(facts)
        varies = facts.family == "number" and facts.rows > 0 and facts.distinct > 1
        copied = next((other for other, known in kept.items() if known.equals(cells)), None)
        if reason is not None and not varies:
            left_out.append(LeftOut(name, reason))
        elif copied is not None:
            left_out.append(LeftOut(name, f"repeats {copied} cell by cell"))
        else:
            kept[name] = cells
            if varies and facts.distinct > 2 and not _is_periodic(facts):
                found[name] = "continuous"
    return found, tuple(left_out)


def _is_periodic(facts: ColumnFacts) -> bool:
    fits = [found for kind in all_kinds().values() if (found := kind.infer(facts)) is not None]
    return bool(fits) and max(fits, key=lambda found: found.sure).kind.name == "periodic"


def _of_columns(columns: Mapping[str, np.ndarray], argument: str) -> Frame:
    import pyarrow as pa

    arrays = {}
    for name, column in columns.items():
        if column.dtype.kind in "fiub":
            arrays[name] = pa.array(np.ascontiguousarray(column, np.float64), from_pandas=True)
            continue
        try:
            arrays[name] = pa.array(column.tolist(), from_pandas=True)
            nested = pa.types.is_nested(arrays[name].type)
        except (pa.ArrowException, TypeError) as error:
            nested, reason = True, str(error).strip().splitlines()[0]
        else:
            reason = f"type {arrays[name].type}"
        if nested:
            rule = "argument must be a string or a number in each cell, of one type in a column"
            raise TypeError(f"`{argument}`: {rule}; column {name} has {reason}.")
    return Frame(pa.table(arrays))


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = "_" + name
    return name
