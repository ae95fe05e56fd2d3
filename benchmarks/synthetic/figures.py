"""What tells drawn rows from real ones."""

import itertools

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from xgboost import XGBClassifier

from .tables import is_number

#: Bins of numbers, of equal width, where they are paired with text.
BINS = 10
#: Rows that are compared with others at once.
CHUNK = 256


def levels(column: pd.Series) -> pd.Series:
    """Return cells as text, of which missing is one."""
    return column.astype(object).where(column.notna(), "").astype(str)


def coded(table: pd.DataFrame, like: pd.DataFrame) -> np.ndarray:
    """Return cells as numbers: of text a column of zeros and ones for each level of `like`."""
    columns = []
    for name in like.columns:
        if is_number(like[name]):
            columns.append(table[name].to_numpy(float)[:, None])
        else:
            columns.append(levels(table[name]).to_numpy()[:, None] == np.unique(levels(like[name]))[None])
    return np.concatenate(columns, axis=1).astype(float)


def detection(train: pd.DataFrame, drawn: pd.DataFrame, seed: int) -> float:
    """Return the AUC of XGBoost, with its defaults, that is to tell drawn from training rows; mean of three folds."""
    both = pd.concat([train, drawn], ignore_index=True)
    x, y = coded(both, both), np.repeat([0, 1], [len(train), len(drawn)])
    found = []
    for fit, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(x, y):
        classifier = XGBClassifier(verbosity=0).fit(x[fit], y[fit])
        found.append(roc_auc_score(y[test], classifier.predict_proba(x[test])[:, 1]))
    return float(np.mean(found))


def usefulness(train: pd.DataFrame, test: pd.DataFrame, target: str) -> float:
    """Return the AUC, on test rows, of XGBoost with its defaults that predicts a column of two values."""
    rest = test.drop(columns=target)
    first = np.unique(levels(test[target]))[0]
    y, y_test = (levels(table[target]) != first for table in (train, test))
    if y.nunique() < 2:
        return 0.5
    classifier = XGBClassifier(verbosity=0).fit(coded(train, rest), y)
    return float(roc_auc_score(y_test, classifier.predict_proba(coded(test, rest))[:, 1]))


def shape(real: pd.Series, drawn: pd.Series) -> float:
    """Return 1 - the largest difference of distribution functions of numbers, or 1 - total variation of text.

    Missing cells of text are a level; those of numbers are left out.
    """
    if not is_number(real):
        return 1 - _variation(levels(real).value_counts(), levels(drawn).value_counts())
    if not drawn.notna().any():
        return 0.0
    return 1 - float(ks_2samp(real.dropna(), drawn.dropna(), method="asymp").statistic)


def pair(real: pd.DataFrame, drawn: pd.DataFrame) -> float:
    """Return the likeness of two columns, after sdmetrics' column pair trends; there a missing cell is no cell.

    Of two numbers 1 - |difference of correlations| / 2; else 1 - total variation of the table of both, with numbers in
    ten bins of equal width. 1 if there is no correlation, as a column is constant, in both.
    """
    if all(is_number(real[name]) for name in real.columns):
        found = [np.corrcoef(table.dropna().to_numpy(float), rowvar=False)[0, 1] for table in (real, drawn)]
        if np.isnan(found).any():
            return float(np.isnan(found).all())
        return 1 - abs(found[0] - found[1]) / 2
    counts = []
    for table in (real, drawn):
        binned = [_binned(table[name], real[name]) if is_number(real[name]) else levels(table[name]) for name in real]
        counts.append((binned[0].astype(str) + "\0" + binned[1].astype(str)).value_counts())
    return 1 - _variation(*counts)


def fidelity(real: pd.DataFrame, drawn: pd.DataFrame) -> tuple[float, float]:
    """Return the mean of `shape` over the columns, and of `pair` over their pairs."""
    shapes = [shape(real[name], drawn[name]) for name in real.columns]
    with np.errstate(invalid="ignore"):
        pairs = [pair(real[list(two)], drawn[list(two)]) for two in itertools.combinations(real.columns, 2)]
    return float(np.mean(shapes)), float(np.mean(pairs))


def closest(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Return, for each row, its distance to the nearest training row.

    A column adds the difference of the shares of training rows up to either number, 0 or 1 for text, 1 where only one
    of the cells is missing.
    """
    columns = []
    for name in train.columns:
        if is_number(train[name]):
            columns.append([_ranks(table[name], train[name]) for table in (train, rows)])
        else:
            known = {
                level: 2.0 * i for i, level in enumerate(pd.concat([levels(train[name]), levels(rows[name])]).unique())
            }
            columns.append([levels(table[name]).map(known).to_numpy(np.float32) for table in (train, rows)])
    nearest = []
    for start in range(0, len(rows), CHUNK):
        total = np.zeros((min(CHUNK, len(rows) - start), len(train)), np.float32)
        for of_train, of_rows in columns:
            total += np.minimum(np.abs(of_rows[start : start + CHUNK, None] - of_train[None]), 1)
        nearest.append(total.min(axis=1))
    return np.concatenate(nearest)


def copies(train: pd.DataFrame, rows: pd.DataFrame) -> float:
    """Return the share of rows all of whose cells are those of a training row."""
    seen = set(train.itertuples(index=False, name=None)) if not train.isna().any().any() else None
    if seen is None:
        train, rows = train.fillna(-np.inf), rows.fillna(-np.inf)
        seen = set(train.itertuples(index=False, name=None))
    return float(np.mean([row in seen for row in rows.itertuples(index=False, name=None)]))


def _variation(a: pd.Series, b: pd.Series) -> float:
    both = pd.concat([a / a.sum(), b / b.sum()], axis=1).fillna(0.0).to_numpy()
    return float(np.abs(both[:, 0] - both[:, 1]).sum() / 2)


def _binned(column: pd.Series, like: pd.Series) -> pd.Series:
    edges = np.histogram_bin_edges(like.dropna(), BINS)
    places = np.searchsorted(edges[1:-1], column.to_numpy(float), side="right")
    return pd.Series(np.where(column.isna(), -1, places), column.index)


def _ranks(column: pd.Series, like: pd.Series) -> np.ndarray:
    known = np.sort(like.dropna().to_numpy(float))
    values = column.to_numpy(float)
    up_to = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
    return np.where(np.isnan(values), -2.0, up_to / (2 * len(known))).astype(np.float32)
