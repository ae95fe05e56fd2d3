"""Flows as scikit-learn density estimators; needs `pip install "pushforward[sklearn]"`."""

from collections.abc import Mapping
from typing import Any, final, no_type_check

import jax
import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._arrays import require_unmasked
from .._errors import require, require_count
from .._types import ArrayLike
from ..data import Frame, Table, read_frame
from ..data.tables.arrow_types import family
from ..flows import architecture
from ..io import from_bytes, to_bytes
from ..train import fit
from ._models import fit_table, packed, say_left_out, unpacked
from ._settings import RandomState, key_of, plain, seed_of
from ._tables import features_of, is_frame, weights_of

_FIT_OPTIONS = ("learning_rate", "batch_size", "max_epochs", "patience", "val_fraction", "progress")
#: Settings of flows on vectors, with the values that mean nothing for other tables.
_OF_VECTORS = {"flow": "nsf", "layers": None, "hidden": None}


@final
class FlowDensity(DensityMixin, BaseEstimator):
    """Density estimator that fits a normalizing flow by maximum likelihood.

    It takes NumPy arrays, nested lists, and pandas and polars data frames, whose column names it keeps and checks. A
    data frame with text, dates, categories or missing cells, and any table if `kinds` are set, is modelled as it is,
    by a `pushforward.TableModel`; other tables are vectors of real numbers. Densities are in the units of the data. A
    pickle holds the flow as the bytes of a file of `pushforward.save`.

    Arguments:
        flow: the architecture for vectors, by name: one of `pushforward.flows.architectures("tables")`.
        layers: number of layers; None for the architecture's default.
        hidden: width of each hidden layer of each network; None for the architecture's default.
        learning_rate: peak of the schedule; None for the default of `pushforward.fit`.
        batch_size: the most rows of one step; None: 512.
        max_epochs: the most passes over the rows; None for a default that depends on their number.
        patience: number of epochs without a better validation loss after which the fit stops.
        val_fraction: share of the rows kept for validation, from 0 to below 1.
        progress: whether to show a progress bar.
        kinds: kinds of columns, by name, where those found are not right: {"fare": "positive"}; {} to have the kinds
            found of a table of numbers, too. Columns of arrays are x0, x1, ....
        random_state: an integer for the same fit each time, a NumPy `RandomState`, or None.

    Attributes:
        flow_: the fitted flow, a `pushforward.Pushforward`, of a table of vectors.
        model_: the fitted `pushforward.TableModel`, of any other table.
        history_: the losses of each epoch, "train" and, with validation rows, "val", in nats per row.
        best_epoch_: the epoch, counted from zero, whose parameters were kept.
        n_features_in_: number of columns.
        feature_names_in_: names of the columns, if `X` was a data frame.
    """

    # scikit-learn demands that the constructor accepts anything and that `fit` checks the arguments.
    @no_type_check
    def __init__(
        self,
        flow: str = "nsf",
        *,
        layers: int | None = None,
        hidden: tuple[int, ...] | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        max_epochs: int | None = None,
        patience: int = 20,
        val_fraction: float = 0.1,
        progress: bool = False,
        kinds: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.flow = flow
        self.layers = layers
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.val_fraction = val_fraction
        self.progress = progress
        self.kinds = kinds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> "FlowDensity":
        """Fit a new flow to the rows of `X` and return the estimator.

        Arguments:
            X: shape (rows, columns), at least two rows; cells may be missing in a data frame.
            y: ignored.
            sample_weight: shape (rows,), non-negative, of any scale.

        Raises:
            ValueError: if an argument is not as stated, or as `pushforward.fit` raises it.
        """
        for name in ("flow_", "model_"):
            vars(self).pop(name, None)
        if self.kinds is not None or _is_mixed(X):
            return self._fit_table(features_of(self, X, reset=True), sample_weight)
        require_unmasked("X", X)
        X = validate_data(self, X, dtype=(np.float64, np.float32), ensure_min_samples=2)
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)
            require(
                bool(np.count_nonzero(sample_weight) >= 2),
                "sample_weight",
                "positive in at least two rows",
                "`zero in all rows but one, or in all`",
            )
        given = {name: plain(value) for name, value in self.get_params(deep=False).items()}
        build = architecture("tables", given["flow"])
        # With column names, so that error messages use them.
        names = getattr(self, "feature_names_in_", None)
        build_key, fit_key = jax.random.split(key_of(self.random_state))
        options = {name: given[name] for name in ("layers", "hidden") if given[name] is not None}
        result = fit(
            fit_key,
            build(build_key, X.shape[1], **options),
            X if names is None else Table(tuple(names), X),
            weights=sample_weight,
            **{name: given[name] for name in _FIT_OPTIONS},
        )
        self.flow_ = result.flow
        self.history_ = result.history
        self.best_epoch_ = result.best_epoch
        return self

    def score_samples(self, X: ArrayLike) -> Float[np.ndarray, " rows"]:
        """Return the log-density of each row, in nats and in the units of the data.

        Arguments:
            X: shape (rows, columns). Of a row with missing cells it is the log-density of the others.
        """
        check_is_fitted(self)
        if hasattr(self, "model_"):
            return self.model_.log_prob(features_of(self, X, reset=False))
        require_unmasked("X", X)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return np.asarray(self.flow_.log_prob(X))

    def score(  # pyright: ignore[reportIncompatibleMethodOverride]  # the mixin's returns nothing
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the mean log-density of the rows, in nats per row: the larger, the better the fit.

        It is a mean, so that scores of folds of unequal size are comparable; the sum, which
        `sklearn.neighbors.KernelDensity` returns, is `score_samples(X).sum()`.

        Arguments:
            X: shape (rows, columns).
            y: ignored.
            sample_weight: shape (rows,), for a weighted mean.
        """
        return float(np.average(self.score_samples(X).astype(np.float64), weights=sample_weight))

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> Any:
        """Return exact, independent draws in the units of the data.

        Arguments:
            n_samples: number of draws.
            random_state: an integer for the same draws each time, a NumPy `RandomState`, or None.

        Returns:
            An array of shape (n_samples, columns); of a table that is modelled as it is, one of the library that it
            came from, with its types and categories.
        """
        check_is_fitted(self)
        n_samples = plain(n_samples)
        require_count("n_samples", n_samples)
        if not hasattr(self, "model_"):
            return np.asarray(self.flow_.sample(key_of(random_state), n_samples))
        rows = self.model_.sample(key_of(random_state), n_samples, like=self._like)
        if self._like is not None:
            return rows
        return np.stack([column.to_numpy(zero_copy_only=False) for column in rows.columns], axis=1)

    def _fit_table(self, frame: Frame, sample_weight: Any) -> "FlowDensity":
        for name, default in _OF_VECTORS.items():
            rule = f"{default!r} for a table with text, dates or missing cells, or with kinds"
            require(
                getattr(self, name) == default, name, rule, getattr(self, name), "There is one architecture for it."
            )
        weights = None if sample_weight is None else weights_of(sample_weight, len(frame))
        settings = {name: plain(getattr(self, name)) for name in _FIT_OPTIONS}
        self.model_ = fit_table(frame, seed_of(self.random_state), settings, self.kinds or {}, weights=weights)
        say_left_out(self.model_.schema.left_out, "columns")
        record: Any = self.model_.record
        self.history_, self.best_epoch_ = record.history, record.best_epoch
        self._like = frame.like
        return self

    def __getstate__(self) -> dict[str, Any]:
        state = packed(vars(self))
        return {**state, "flow_": to_bytes(self.flow_)} if "flow_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = unpacked(state)
        vars(self).update({**state, "flow_": from_bytes(state["flow_"])} if "flow_" in state else state)


def _is_mixed(X: Any) -> bool:
    """Whether a table is a data frame with columns that are no numbers, or with missing cells."""
    if not is_frame(X):
        return False
    import pyarrow as pa

    frame = read_frame(X)
    types = [column.type for column in frame.table.columns]
    numbers = all(family(kind) in ("number", "boolean") and not pa.types.is_dictionary(kind) for kind in types)
    return not numbers or bool(frame.missing)
