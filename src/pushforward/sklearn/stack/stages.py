"""First predictions of a number, each of rows that its model has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import nnls

from .gaussian_process import GaussianProcess
from .inputs import Coded

#: Names of models: a Gaussian process, boosted trees, and forests of randomized trees.
Name = Literal["process", "boosting", "forest"]
#: The largest standardized feature that is made of predictions.
FARTHEST = 5.0
#: From so many categories on a column is taken as a number by the trees.
MANY = 200
#: Rows from which on the number of boosted trees is chosen on held-out rows; the most of them, half for so many rows;
#: how many at a time, and by which share of the error these must be better.
FEW, MOST, LARGE, STRIDE, BETTER = 2000, 600, 100_000, 30, 1e-3

Predicted = tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]


@final
@dataclass(frozen=True)
class Stage:
    """One kind of model.

    Attributes:
        models: one, or one for each fold.
        own: mean and spread of the rows of the fit, by models that have not seen them; the spread is 0 if there is
            none.
    """

    models: tuple[Any, ...]
    own: Predicted

    def predict(self, coded: Coded) -> Predicted:
        """Return mean and spread of new rows, averaged over the models."""
        found = [_predict(model, coded) for model in self.models]
        return np.mean([mean for mean, _ in found], axis=0), np.mean([spread for _, spread in found], axis=0)


@final
@dataclass(frozen=True)
class Stages:
    """Several kinds of models, and a weighted sum of their means.

    Attributes:
        stages: the kinds.
        weights: of their means, not negative.
        scale: the standard deviation of the errors.
        spreads: which stages tell a spread, with mean and standard deviation of its logarithm.
    """

    stages: tuple[Stage, ...]
    weights: Float[np.ndarray, " stages"]
    scale: float
    spreads: tuple[tuple[int, float, float], ...]

    @staticmethod
    def of(stages: Sequence[Stage], y: np.ndarray, weights: np.ndarray) -> "Stages":
        """Return the sum that is closest to y, in rows that the models have not seen; its weights add up to about 1."""
        if not stages:
            return Stages((), np.zeros(0), 1.0, ())
        means = np.stack([stage.own[0] for stage in stages], axis=1)
        root = np.sqrt(weights / weights.mean())
        heavy = 30 * np.sqrt(len(y)) * y.std()
        left = np.concatenate([means * root[:, None], np.full((1, len(stages)), heavy)])
        shares = nnls(left, np.r_[y * root, heavy])[0]
        scale = float(np.sqrt(np.average((means @ shares - y) ** 2, weights=weights)))
        spreads = []
        for j, stage in enumerate(stages):
            logs = np.log(stage.own[1] + 1e-3)
            if logs.std() > 1e-6:
                spreads.append((j, float(logs.mean()), float(logs.std())))
        return Stages(tuple(stages), shares, max(scale, 1e-4), tuple(spreads))

    def own(self, rows: int) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, "rows features"]]:
        """Return the sum for the rows of the fit, and features made of the predictions."""
        return self._features([stage.own for stage in self.stages], rows)

    def predict(self, coded: Coded) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, "rows features"]]:
        """Return the sum for new rows, and features made of the predictions."""
        return self._features([stage.predict(coded) for stage in self.stages], len(coded.raw))

    def _features(self, found: list[Predicted], rows: int) -> tuple[np.ndarray, np.ndarray]:
        if not found:
            return np.zeros(rows), np.zeros((rows, 0))
        means = np.stack([mean for mean, _ in found], axis=1)
        total = means @ self.weights
        columns = [total[:, None]]
        if len(found) > 1:
            columns.append((means - total[:, None]) / self.scale)
        for j, mean, spread in self.spreads:
            columns.append((np.log(found[j][1] + 1e-3)[:, None] - mean) / spread)
        return total, np.clip(np.concatenate(columns, axis=1), -FARTHEST, FARTHEST)


def fit_stage(
    name: Name,
    coded: Coded,
    y: Float[np.ndarray, " rows"],
    weights: Float[np.ndarray, " rows"],
    folds: Int[np.ndarray, " rows"],
    categories: Sequence[bool],
    seed: int,
) -> Stage:
    """Return a kind of model, fitted to standardized numbers: once for each fold, unless it leaves out single rows."""
    if name == "process":
        process = GaussianProcess.of(coded.smooth, y, weights, seed)
        return Stage((process,), process.left_out())
    models: list[Any] = []
    mean, spread = np.zeros(len(y)), np.zeros(len(y))
    few = [code and bool(np.nanmax(coded.raw[:, j], initial=0) < MANY) for j, code in enumerate(categories)]
    rounds = None
    if name == "boosting" and len(y) > FEW:
        rounds = _rounds(_new_trees(name, len(y), few, seed), coded.raw, y, weights, folds == 0)
    for fold in range(int(folds.max()) + 1):
        own = folds != fold
        model = _new_trees(name, len(y), few, seed + fold)
        if rounds is not None:
            model.set_params(max_iter=rounds)
        models.append(model.fit(coded.raw[own], y[own], sample_weight=weights[own]))
        held_out = Coded(*(columns[~own] for columns in vars(coded).values()))
        mean[~own], spread[~own] = _predict(model, held_out)
    return Stage(tuple(models), (mean, spread))


def _rounds(model: Any, raw: np.ndarray, y: np.ndarray, weights: np.ndarray, held_out: np.ndarray) -> int:
    """Return the number of boosted trees after which held-out rows are not predicted better."""
    train, best, least = ~held_out, STRIDE, np.inf
    model.set_params(warm_start=True)
    for rounds in range(STRIDE, (MOST if len(y) <= LARGE else MOST // 2) + 1, STRIDE):
        model.set_params(max_iter=rounds).fit(raw[train], y[train], sample_weight=weights[train])
        loss = np.average((y[held_out] - model.predict(raw[held_out])) ** 2, weights=weights[held_out])
        if loss < (1 - BETTER) * least:
            best, least = rounds, loss
        elif rounds >= best + 2 * STRIDE:
            break
    return best


def _new_trees(name: Name, n: int, categories: list[bool], seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor

    if name == "boosting":
        settings: Any = {"early_stopping": False, "categorical_features": categories, "random_state": seed}
        return HistGradientBoostingRegressor(
            learning_rate=0.06 if n <= 5000 else 0.08,
            max_iter=300,
            max_leaf_nodes=16 if n <= 5000 else 31,
            min_samples_leaf=max(3, min(20, n // 100)),
            l2_regularization=1.0,
            max_features=0.7,
            **settings,
        )
    # A forest grows with its rows; larger leaves and fewer trees keep it at some hundred megabytes.
    trees, leaf = (50, 5) if n > 10_000 else (100, 2) if n > 3000 else (150, 1)
    return ExtraTreesRegressor(trees, min_samples_leaf=leaf, n_jobs=-1, random_state=seed)


def _predict(model: Any, coded: Coded) -> Predicted:
    if isinstance(model, GaussianProcess):
        return model.predict(coded.smooth)
    trees = getattr(model, "estimators_", None)
    if trees is None:
        return model.predict(coded.raw), np.zeros(len(coded.raw))
    cells = np.asarray(coded.raw, np.float32)
    each = np.stack([tree.predict(cells, check_input=False) for tree in trees])
    return each.mean(axis=0), each.std(axis=0)
