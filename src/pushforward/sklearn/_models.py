"""Models of tables as estimators make and keep them."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._errors import require, require_count
from ..data import Frame, Schema
from ..data.tables.left_out import LeftOut
from ..io import from_bytes, to_bytes
from ..models import TableModel
from ._tables import column_of, with_columns
from .stack.density import StackedDensity, fit_stack, is_stackable

#: Arguments of `TableModel.build`; others are of `TableModel.fit`.
_OF_BUILD = ("width", "depth")


def fit_table(
    frame: Frame,
    seed: int,
    settings: Mapping[str, Any],
    kinds: Mapping[str, Any],
    given: Sequence[str] = (),
    weights: np.ndarray | None = None,
) -> TableModel:
    """Return a model fitted to a table; it holds no rows out but those that validate the fit.

    Arguments:
        frame: the table, without a weight.
        seed: decides initial weights, the validation rows and the order of the others.
        settings: arguments of `TableModel.build` and `TableModel.fit`; those that are None have their defaults.
        kinds: of columns, by name.
        given: conditions.
        weights: of the rows.
    """
    name = None
    if weights is not None:
        name = "weight"
        while name in frame.names:
            name = "_" + name
        frame = with_columns(frame, column_of(name, weights))
    known = {key: value for key, value in settings.items() if value is not None}
    sizes = {key: known.pop(key) for key in _OF_BUILD if key in known}
    model = TableModel.build(frame, seed=seed, given=given, weights=name, kinds=kinds, **sizes)
    return model.fit(frame, seed=seed, test_fraction=0.0, **{"progress": False, **known})


def fit_regression(
    frame: Frame,
    seed: int,
    settings: Mapping[str, Any],
    kinds: Mapping[str, Any],
    given: Sequence[str],
    weights: np.ndarray | None = None,
) -> TableModel | StackedDensity:
    """Return a model of some columns given others: of one number of enough values by several networks.

    Arguments:
        frame, seed, settings, kinds, given, weights: as for `fit_table`.
    """
    require_count("members", 1 if settings.get("members") is None else settings["members"])
    share = settings.get("val_fraction")
    require(share is None or 0 <= share < 1, "val_fraction", "from 0 to below 1", share)
    targets = [name for name in frame.names if name not in given]
    if len(targets) == 1:
        schema = Schema.infer(frame, kinds=kinds, given=given)
        y = schema.encode(frame).values[:, schema.places[targets[0]]][:, 0]
        if is_stackable(schema, y):
            return fit_stack(schema, frame, y, weights, seed, settings)
    return fit_table(frame, seed, settings, kinds, given, weights)


def say_left_out(left_out: Sequence[LeftOut], what: str) -> None:
    """Warn of columns that are left out."""
    if left_out:
        said = "; ".join(f"{column.name}: {column.reason}" for column in left_out)
        text = f"{len(left_out)} {what} left out. {said}."
        warnings.warn(text, UserWarning, stacklevel=3)


def packed(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of an estimator with its model as the bytes of a file, and the metadata of the file."""
    model = state.get("model_")
    if not isinstance(model, TableModel):
        return dict(state)
    return {**state, "model_": (to_bytes(model.flow, model.metadata()), model.metadata())}


def unpacked(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that `packed` was given."""
    if not isinstance(state.get("model_"), tuple):
        return dict(state)
    data, metadata = state["model_"]
    return {**state, "model_": TableModel.restore(from_bytes(data), metadata)}
