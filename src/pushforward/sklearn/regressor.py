"""Regression that gives a distribution, as a scikit-learn estimator."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, final, no_type_check

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._errors import bad, require
from ..data import Frame
from ..data.tables.arrow_types import family
from ..data.tables.facts import ColumnFacts
from ..models.held_out import held_out_rows
from ._conformal import ConformalLevels
from ._models import fit_regression, packed, say_left_out, unpacked
from ._settings import plain, seed_of
from ._tables import features_of, kinds_of_features, numbers_of, targets_of, weights_of, with_columns
from .distributions import JointDistribution, PredictedDistribution
from .stack.prediction import LEVELS

#: The share of the rows on which intervals are conformalized.
HELD_OUT = 0.2
_SETTINGS = ("members", "width", "depth", "max_epochs", "batch_size", "learning_rate", "val_fraction")


@final
class FlowRegressor(RegressorMixin, BaseEstimator):
    """The distribution p(y | x) of one or several targets, for features with text, dates and missing cells.

        regressor = FlowRegressor(random_state=0).fit(X, y)
        regressor.predict_dist(X_new).ppf(0.9)

    Features are data frames of pandas, polars or pyarrow, arrays of numbers, or arrays of objects. Features that say
    nothing (constant, empty, a text of its own in each row) are left out with a warning. Each target is a number; of
    several, some may be categories. A pickle holds networks as the bytes of files of `pushforward.save`.

    One number of at least ten different values is modelled by several networks, most of them around the predictions of
    a Gaussian process and of trees, each weighted by the likelihood of rows that it has not seen. Values that rows
    share have probabilities. Other targets are modelled by a `pushforward.TableModel`.

    Arguments:
        members: number of networks, whose probabilities are averaged; None for a default. Each network of several
            kinds keeps rows of its own out of the fit, so that there are two at least.
        width, depth: sizes of the network; None for defaults that depend on the number of rows.
        kinds: kinds of features and targets, by name, where those found are not right: {"fare": "positive"}. Columns of
            arrays are x0, x1, ...; a target without a name is y, several are y0, y1, ....
        max_epochs: the most passes over the rows; None for a default that depends on their number.
        batch_size: the most rows of one step; None: 512.
        learning_rate: peak of the schedule; None for the default of the model.
        val_fraction: share of the rows kept for validation, from 0 to below 1; where networks of several kinds are
            fitted, it is one over `members`.
        conformalize: whether to hold out a fifth of the rows, on which intervals are made to cover; see
            `predict_interval`.
        random_state: an integer for the same fit each time, a NumPy `RandomState`, or None.

    Attributes:
        model_: the fitted `pushforward.TableModel`, or several kinds of networks with their weights.
        targets_: names of the targets.
        left_out_: features that are left out, with reasons.
        n_features_in_: number of features.
        feature_names_in_: names of the features, if `X` was a data frame.
    """

    # scikit-learn demands that the constructor accepts anything and that `fit` checks the arguments.
    @no_type_check
    def __init__(
        self,
        *,
        members: int | None = None,
        width: int | None = None,
        depth: int | None = None,
        kinds: Mapping[str, Any] | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        val_fraction: float = 0.1,
        conformalize: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.members = members
        self.width = width
        self.depth = depth
        self.kinds = kinds
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.val_fraction = val_fraction
        self.conformalize = conformalize
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "FlowRegressor":
        """Fit a new model to the rows and return the estimator.

        Arguments:
            X: features, shape (rows, columns), at least two rows; NaN, None or null where a cell is missing.
            y: targets, shape (rows,) or (rows, targets), none missing: an array, a list, a series or a data frame.
            sample_weight: shape (rows,), non-negative, of any scale.

        Raises:
            ValueError: if a target is missing, constant, or text alone; if an argument is not as stated.
        """
        features = features_of(self, X, reset=True)
        targets, flat = targets_of(y, len(features), features.names)
        weights = None if sample_weight is None else weights_of(sample_weight, len(features))
        known = dict(self.kinds or {})
        unknown = sorted(set(known) - {*features.names, *targets.names})
        require(not unknown, "kinds", f"of the columns {', '.join((*features.names, *targets.names))}", unknown)
        _require_targets(targets, known)
        kinds, left_out = kinds_of_features(features, known)
        say_left_out(left_out, "features")
        gone = {column.name for column in left_out}
        given = [name for name in features.names if name not in gone]
        seed = seed_of(self.random_state)
        train = np.arange(len(features))
        held_out = train[:0]
        if self.conformalize:
            train, held_out = held_out_rows(len(features), HELD_OUT, seed)
        kinds |= {name: kind for name, kind in known.items() if name in targets.names}
        frame = with_columns(features.select(given), targets)
        settings = {name: plain(getattr(self, name)) for name in _SETTINGS}
        some = None if weights is None else weights[train]
        self.model_ = fit_regression(frame.take(train), seed, settings, kinds, given, some)
        self.targets_ = tuple(targets.names)
        self.left_out_ = {column.name: column.reason for column in left_out}
        self._flat = flat
        self._conformal = self._conformalized(frame.take(held_out)) if self.conformalize else None
        return self

    def predict(self, X: Any, statistic: Literal["mean", "median"] = "mean") -> Any:
        """Return the mean or the median of each target; of a category that is no number the likeliest one.

        Arguments:
            X: features.
            statistic: "mean" or "median".

        Returns:
            Shape (rows,), or (rows, targets) for targets given so. See `set_output` for data frames.
        """
        require(statistic in ("mean", "median"), "statistic", '"mean" or "median"', statistic)

        def point(predicted: PredictedDistribution) -> np.ndarray:
            return getattr(predicted, statistic)() if predicted.is_number else predicted.mode()

        found = [point(predicted) for predicted in self._marginals(self._features(X)).values()]
        return found[0] if self._flat else self._table(np.stack(found, axis=1), self.targets_, X)

    def predict_quantiles(self, X: Any, q: Any = (0.1, 0.5, 0.9)) -> Any:
        """Return quantiles of each target: numbers up to which the probability is q. They never cross.

        Arguments:
            X: features.
            q: levels between 0 and 1.

        Returns:
            Shape (rows, levels), or (rows, targets, levels) for targets given so.
        """
        levels = np.atleast_1d(np.asarray(q, np.float64))
        found = [p.ppf(levels[:, None]).T for p in self._marginals(self._features(X)).values()]
        return self._quantities(found, [f"{level:g}" for level in levels], X)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Any:
        """Return the lower and upper ends of an interval for each target.

        It leaves a probability of (1 - coverage) / 2 on either side by the model. With `conformalize`, the two levels
        are those between which the targets of held-out rows lay as often as `coverage` says, so that intervals cover as
        often in new rows like these, on average over them: see "Conformalized Quantile Regression", Romano, Patterson,
        Candès, 2019, here with levels of the predicted distribution in place of distances.

        Returns:
            Shape (rows, 2), or (rows, targets, 2) for targets given so.
        """
        require(0 < coverage < 1, "coverage", "between 0 and 1", coverage)
        found = []
        for name, predicted in self._marginals(self._features(X)).items():
            ends = (1 - coverage) / 2, (1 + coverage) / 2
            if self._conformal is not None and name in self._conformal:
                ends = self._conformal[name].levels(coverage)
            found.append(predicted.ppf(np.asarray(ends)[:, None]).T)
        return self._quantities(found, ["lower", "upper"], X)

    def predict_dist(self, X: Any) -> PredictedDistribution | JointDistribution:
        """Return distributions of the target, with the methods of SciPy's; of several, their joint distributions."""
        features = self._features(X)
        marginals = self._marginals(features)
        return marginals[self.targets_[0]] if self._flat else JointDistribution(marginals, self.model_, features)

    def log_prob(self, X: Any, y: Any) -> Float[np.ndarray, " rows"]:
        """Return the log-likelihood of the targets of each row, in nats and per unit of the targets."""
        predicted = self.predict_dist(X)
        if isinstance(predicted, JointDistribution):
            return predicted.logpdf(y)
        return predicted.logpdf(self._columns(y, len(predicted))[0])

    def score(  # pyright: ignore[reportIncompatibleMethodOverride]  # the mixin's is another figure
        self, X: Any, y: Any, sample_weight: Any = None
    ) -> float:
        """Return the mean log-likelihood per row, in nats: the larger the better. It is not R²."""
        return float(np.average(self.log_prob(X, y), weights=sample_weight))

    def crps(self, X: Any, y: Any, sample_weight: Any = None) -> float | Float[np.ndarray, " targets"]:
        """Return the mean continuous ranked probability score of each target, in its units: the smaller the better.

        It is twice the mean pinball loss of the quantiles at 128 levels, (k + 1/2) / 128: the estimator
        `scoringrules.crps_quantile`.

        Raises:
            ImportError: if scoringrules is not installed.
        """
        rules = _scoringrules()
        levels = (np.arange(LEVELS) + 0.5) / LEVELS
        return self._scored(X, y, sample_weight, lambda p, y: rules.crps_quantile(y, p.ppf(levels[:, None]).T, levels))

    def pinball(self, X: Any, y: Any, q: float, sample_weight: Any = None) -> float | Float[np.ndarray, " targets"]:
        """Return the mean pinball loss of the quantile q of each target, in its units: the smaller the better.

        Raises:
            ImportError: if scoringrules is not installed.
        """
        rules = _scoringrules()
        return self._scored(X, y, sample_weight, lambda p, y: rules.quantile_score(y, p.ppf(q), q))

    def set_output(self, *, transform: Literal["default", "pandas", "polars"] | None = None) -> "FlowRegressor":
        """Set what tables of predictions are: arrays ("default"), or data frames of pandas or polars.

        It holds for `predict` of several targets, `predict_quantiles` and `predict_interval`.
        """
        known = ("default", "pandas", "polars", None)
        require(transform in known, "transform", '"default", "pandas" or "polars"', transform)
        if transform is not None:
            # The name under which scikit-learn copies such settings to clones.
            self._sklearn_output_config = {"transform": transform}
        return self

    def _features(self, X: Any) -> Frame:
        check_is_fitted(self, "model_")
        return features_of(self, X, reset=False)

    def _marginals(self, features: Frame) -> dict[str, PredictedDistribution]:
        return {name: PredictedDistribution(self.model_.predict(name, features)) for name in self.targets_}

    def _conformalized(self, frame: Frame) -> dict[str, ConformalLevels]:
        rule = "a choice for at least ten rows"
        require(len(frame) >= 2, "conformalize", rule, f"`{len(frame)} rows to hold out`")
        features = frame.select([name for name in frame.names if name not in self.targets_])
        predicted = self._marginals(features if features.names else frame)
        columns = self._columns(frame.select(self.targets_), len(frame))
        levels = {}
        for (name, p), y in zip(predicted.items(), columns, strict=True):
            if p.is_number:
                up_to = p.cdf(y)
                levels[name] = ConformalLevels.of(up_to - p.pmf(y), up_to)
        return levels

    def _columns(self, y: Any, rows: int) -> list[np.ndarray]:
        """Return the targets of rows, as numbers where they are."""
        table = targets_of(y, rows, ())[0].table
        count = len(self.targets_)
        require(table.num_columns == count, "y", f"of {count} columns", f"`{table.num_columns} columns`")
        return [column.to_numpy() for column in table.columns]

    def _scored(
        self, X: Any, y: Any, weights: Any, score: Callable[[PredictedDistribution, np.ndarray], np.ndarray]
    ) -> float | np.ndarray:
        predicted = self._marginals(self._features(X))
        columns = self._columns(y, len(next(iter(predicted.values()))))
        each = [score(p, numbers_of(y)) for p, y in zip(predicted.values(), columns, strict=True)]
        means = np.asarray([np.average(values, weights=weights) for values in each])
        return float(means[0]) if self._flat else means

    def _quantities(self, found: list[np.ndarray], labels: list[str], X: Any) -> Any:
        """Return several numbers of each target as an array, or side by side in a data frame."""
        if self._flat:
            return self._table(found[0], labels, X)
        names = [f"{target}_{label}" for target in self.targets_ for label in labels]
        stacked = np.stack(found, axis=1)
        table = self._table(stacked.reshape(len(stacked), -1), names, X)
        return stacked if isinstance(table, np.ndarray) else table

    def _table(self, values: np.ndarray, names: Any, X: Any) -> Any:
        wanted = getattr(self, "_sklearn_output_config", {}).get("transform", "default")
        if wanted == "pandas":
            import pandas

            return pandas.DataFrame(values, columns=list(names), index=getattr(X, "index", None)).infer_objects()
        if wanted == "polars":
            import polars

            return polars.DataFrame({name: column.tolist() for name, column in zip(names, values.T, strict=True)})
        return values

    def __sklearn_tags__(self) -> Any:
        tags = RegressorMixin.__sklearn_tags__(self)
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        # `score` is a log-likelihood, for which a check that it is above 0.5 means nothing.
        tags.regressor_tags.poor_score = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        return packed(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(unpacked(state))


def _require_targets(targets: Frame, kinds: Mapping[str, Any]) -> None:
    """Raise if a target is one value in all rows, or the only one is text."""
    for name in targets.names:
        column = targets.table[name]
        if ColumnFacts(name, column.combine_chunks()).distinct == 1:
            remedy = "A constant needs no model."
            raise bad("y", f"of different values in {name}", f"`{column[0].as_py()!r} in each row`", remedy)
    column = targets.table[targets.names[0]]
    if len(targets.names) == 1 and family(column.type) == "text" and targets.names[0] not in kinds:
        remedy = "For the probabilities of categories use `pushforward.TableModel`, and its `predict`."
        raise bad("y", "numbers", f"`{column[0].as_py()!r}`", remedy)


def _scoringrules() -> Any:
    try:
        import scoringrules
    except ImportError as error:
        raise ImportError("These scores need scoringrules: pip install pushforward[sklearn]") from error
    return scoringrules
