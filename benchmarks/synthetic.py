"""Drawn rows of a table that a classifier is to tell from real ones, and that a model is to be trained on.

    python -m benchmarks.synthetic TABLE TARGET [--seed 0]

A `TableModel` with the defaults is fitted to all rows of TABLE but the tenth that it holds out, and as many rows are
drawn as the table has, holes included. Printed are its held-out log-likelihood beside the baselines; the score of a
classifier (XGBoost with its defaults, three folds, on one-hot categories), 2 - 2 AUC, which is 1 if it cannot tell real
from drawn rows; and the AUC of XGBoost for the column TARGET, of two values, on a quarter of the real rows, trained on
the other real rows, and on drawn rows. Needs `pip install '.[benchmarks]'`.
"""

import argparse
import time

import jax
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from xgboost import XGBClassifier

import pushforward as pf


def coded(table: pd.DataFrame, like: pd.DataFrame) -> np.ndarray:
    """Return cells as numbers: of text the place among the levels of `like`, -1 where it is missing."""
    columns = []
    for name in like.columns:
        if pd.api.types.is_numeric_dtype(like[name]):
            columns.append(table[name].to_numpy(float))
        else:
            levels = {level: i for i, level in enumerate(sorted(like[name].dropna().unique()))}
            columns.append(table[name].map(levels).fillna(-1).to_numpy(float))
    return np.stack(columns, axis=1)


def one_hot(cells: np.ndarray, like: pd.DataFrame) -> np.ndarray:
    """Return cells with a column for each level of text."""
    columns = []
    for name, column in zip(like.columns, cells.T, strict=True):
        numeric = pd.api.types.is_numeric_dtype(like[name])
        columns.append(column[:, None] if numeric else (column[:, None] == np.unique(column)).astype(float))
    return np.concatenate(columns, axis=1)


def detection(real: np.ndarray, drawn: np.ndarray, like: pd.DataFrame, seed: int) -> float:
    """Return 2 - 2 AUC of a classifier of real and drawn rows, on average over three folds."""
    x = one_hot(np.concatenate([real, drawn]), like)
    y = np.repeat([0, 1], [len(real), len(drawn)])
    found = []
    for fit, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(x, y):
        classifier = XGBClassifier(verbosity=0).fit(x[fit], y[fit])
        found.append(max(0.5, roc_auc_score(y[test], classifier.predict_proba(x[test])[:, 1])))
    return 2 - 2 * float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("target")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    frame = pf.data.read_frame(args.table)
    started = time.monotonic()
    model = pf.TableModel.build(frame, seed=args.seed).fit(frame, seed=args.seed, progress=False)
    print(f"fit: {time.monotonic() - started:.0f} s")
    print(model.evaluate(frame).text)
    started = time.monotonic()
    table = model.sample(jax.random.key(args.seed), len(frame), missing=True).to_pandas()
    print(f"{len(table):,} rows drawn in {time.monotonic() - started:.1f} s, compilation included")
    like = frame.select(table.columns.tolist()).table.to_pandas()
    real, drawn = coded(like, like), coded(table, like)
    print(f"detection score: {detection(real, drawn, like, args.seed):.3f}")
    at = like.columns.get_loc(args.target)
    rows = np.random.default_rng(args.seed).permutation(len(real))
    test, rest = real[rows[: len(real) // 4]], real[rows[len(real) // 4 :]]
    for name, train in (("real", rest), ("drawn", drawn)):
        classifier = XGBClassifier(verbosity=0).fit(np.delete(train, at, 1), train[:, at])
        predicted = classifier.predict_proba(np.delete(test, at, 1))[:, 1]
        print(f"AUC of {args.target}, trained on {name} rows: {roc_auc_score(test[:, at], predicted):.4f}")


if __name__ == "__main__":
    main()
