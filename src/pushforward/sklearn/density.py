"""Flows as scikit-learn density estimators; needs `pip install "pushforward[sklearn]"`."""

from typing import Any, final, no_type_check

import jax
import numpy as np
from jaxtyping import Float

from .._arrays import require_unmasked
from .._errors import require, require_count
from .._types import ArrayLike
from ..data import Table
from ..flows import architecture
from ..io import from_bytes, to_bytes
from ..train import fit

try:
    from sklearn.base import BaseEstimator, DensityMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("FlowDensity needs scikit-learn: pip install pushforward[sklearn]") from error


_FIT_OPTIONS = ("learning_rate", "batch_size", "max_epochs", "patience", "val_fraction", "progress")


@final
class FlowDensity(DensityMixin, BaseEstimator):
    """Density estimator that fits a normalizing flow by maximum likelihood.

    It takes NumPy arrays, nested lists, and pandas and polars data frames, whose column names it keeps and checks.
    Densities are in the units of the data. A pickle holds the flow as the bytes of a file of `pushforward.save`.

    Arguments:
        flow: the architecture, by name: one of `pushforward.flows.architectures("tables")`.
        layers: number of layers; None for the architecture's default.
        hidden: width of each hidden layer of each network; None for the architecture's default.
        learning_rate: peak of the schedule; None for the default of `pushforward.fit`.
        batch_size: the most rows of one step; None: 512.
        max_epochs: the most passes over the rows; None for a default that depends on their number.
        patience: number of epochs without a better validation loss after which the fit stops.
        val_fraction: share of the rows kept for validation, from 0 to below 1.
        progress: whether to show a progress bar.
        random_state: an integer for the same fit each time, a NumPy `RandomState`, or None.

    Attributes:
        flow_: the fitted flow, a `pushforward.Pushforward`.
        history_: the losses of each epoch, "train" and, with validation rows, "val", in nats per row.
        best_epoch_: the epoch, counted from zero, whose parameters `flow_` has.
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
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> "FlowDensity":
        """Fit a new flow to the rows of `X` and return the estimator.

        Arguments:
            X: shape (rows, columns), at least two rows.
            y: ignored.
            sample_weight: shape (rows,), non-negative, of any scale.

        Raises:
            ValueError: if an argument is not as stated, or as `pushforward.fit` raises it.
        """
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
        given = {name: _plain(value) for name, value in self.get_params(deep=False).items()}
        build = architecture("tables", given["flow"])
        # With column names, so that error messages use them.
        names = getattr(self, "feature_names_in_", None)
        build_key, fit_key = jax.random.split(_key(self.random_state))
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
            X: shape (rows, columns).
        """
        check_is_fitted(self)
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

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None
    ) -> Float[np.ndarray, "n_samples columns"]:
        """Return exact, independent draws, shape (n_samples, columns), in the units of the data.

        Arguments:
            n_samples: number of draws.
            random_state: an integer for the same draws each time, a NumPy `RandomState`, or None.
        """
        check_is_fitted(self)
        n_samples = _plain(n_samples)
        require_count("n_samples", n_samples)
        return np.asarray(self.flow_.sample(_key(random_state), n_samples))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        return {**state, "flow_": to_bytes(self.flow_)} if "flow_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "flow_": from_bytes(state["flow_"])} if "flow_" in state else state)


def _plain(value: Any) -> Any:
    """Return a NumPy number, as a parameter search draws it, as a Python number, and a list as a tuple."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _key(random_state: int | np.random.RandomState | None) -> jax.Array:
    return jax.random.key(check_random_state(random_state).randint(2**31 - 1))
