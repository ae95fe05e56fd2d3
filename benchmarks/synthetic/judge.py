"""The table of figures of all draws of one table."""

import json
from typing import Any

import numpy as np
import pandas as pd

from .figures import closest, copies, detection, fidelity, usefulness
from .tables import Split, read_csv

#: The row of held-out rows, judged as if they were drawn.
REAL = "held-out rows"
HEADER = {
    "model": "model",
    "score": "detection score",
    "auc": "detection AUC",
    "useful": "AUC of {target}",
    "marginals": "marginals",
    "pairs": "pairs",
    "closest": "distance to closest, ratio",
    "copies": "copies, %",
    "fit": "fit, s",
    "sample of 100,000": "100,000 rows, s",
}


def judge(rows: Split, seed: int) -> str:
    """Judge all draws of a table; write `judged.json`, and return a Markdown table."""
    found = {REAL: figures(rows, rows.held_out, seed)}
    found[REAL]["useful"] = usefulness(rows.train, rows.held_out, rows.target)
    for path in sorted(rows.folder.glob("*.csv")):
        if path.stem in ("train", "held_out"):
            continue
        drawn = read_csv(path, rows.train)
        lost = [name for name in rows.train.columns if name not in drawn.columns]
        if lost:
            raise SystemExit(f"{path} lacks columns {', '.join(lost)}.")
        found[path.stem] = figures(rows, drawn[rows.train.columns], seed)
        found[path.stem] |= json.loads(path.with_suffix(".json").read_text())["seconds"]
    (rows.folder / "judged.json").write_text(json.dumps(found, indent=2))
    ranked = sorted(found, key=lambda model: (model != REAL, found[model]["auc"]))
    lines = [[title.format(target=rows.target) for title in HEADER.values()], ["---"] * len(HEADER)]
    lines += [[model, *(_written(key, found[model].get(key)) for key in list(HEADER)[1:])] for model in ranked]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figures(rows: Split, drawn: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Return all figures but the times."""
    auc = detection(rows.train, drawn, seed)
    marginals, pairs = fidelity(rows.train, drawn)
    some = drawn.sample(min(len(drawn), len(rows.held_out)), random_state=seed)
    held_out = np.median(closest(rows.train, rows.held_out))
    return {
        "score": 2 - 2 * max(0.5, auc),
        "auc": auc,
        "useful": usefulness(drawn, rows.held_out, rows.target),
        "marginals": marginals,
        "pairs": pairs,
        "closest": float(np.median(closest(rows.train, some)) / held_out) if held_out else None,
        "copies": copies(rows.train, drawn),
    }


def _written(key: str, value: float | None) -> str:
    if value is None:
        return ""
    if key == "copies":
        return f"{100 * value:.2f}"
    return f"{value:.1f}" if key in ("fit", "sample of 100,000") else f"{value:.3f}"
