"""The held-out log-likelihood of a model of a table, beside baselines that are fair for mixed columns."""

import math
from typing import TYPE_CHECKING

import numpy as np

from ..._errors import require
from ...data import Frame
from .._base import Evaluation
from ..record import Score
from .baselines import Tree, independent
from .coding import Coding
from .copula import GaussianCopula

if TYPE_CHECKING:
    from .model import TableModel

#: The titles of the densities of a comparison.
TITLES = {
    "flow": "model",
    "independent": "independent columns",
    "copula": "Gaussian copula",
    "tree": "tree of pairs",
}
BY_HELD_OUT = "This is the table of the fit: judged on the rows that the fit held out."
BY_HALF = (
    "This is not the table of the fit, or the fit held no rows out: the baselines are fitted to one random half of it, "
    "and all are judged on the other half. Rows that the model was fitted to, if there are any, flatter it."
)


def evaluate(model: "TableModel", data: Frame) -> Evaluation:
    """See `TableModel.evaluate`."""
    train, test, judged = rows_to_judge(model, data)
    results = {"flow": model.log_prob(data.take(test))}
    coding = Coding.of(model.schema, data, train)
    columns = np.flatnonzero(coding.of_columns(model.schema.event))
    marginals = [coding.marginals[j] for j in columns]
    fit, held = (coding.encode(data.take(rows))[0][:, columns] for rows in (train, test))
    results["independent"] = independent(marginals, held)
    if len(columns) > 1:
        for name, baseline in (("copula", GaussianCopula), ("tree", Tree)):
            results[name] = baseline.of(marginals, fit).log_prob(held)
    scores = {name: Score(*_mean(log_prob)) for name, log_prob in results.items()}
    return Evaluation(scores, judged, _text(results), TITLES)


def rows_to_judge(model: "TableModel", data: Frame) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the rows that stand for those of the fit, the rows to judge by, and a sentence on which they are."""
    record = model.record
    seed = 0 if record is None else record.seed
    if record is not None and record.rows.held_out and record.fingerprint == model._fingerprint(data):
        train, test = model.split(data, record.test_fraction, seed)
        return train, test, BY_HELD_OUT
    require(len(data) >= 4, "data", "a table of at least four rows", len(data))
    return *model.split(data, 0.5, seed), BY_HALF


def _mean(log_prob: np.ndarray) -> tuple[float, float]:
    return float(log_prob.mean()), float(log_prob.std(ddof=1) / math.sqrt(len(log_prob))) if len(log_prob) > 1 else 0.0


def _text(results: dict[str, np.ndarray]) -> str:
    """Return a comparison as aligned lines."""
    flow = results["flow"]
    out = [f"Log-likelihood of {len(flow):,} held-out rows, in nats per row (higher is better):"]
    for name, log_prob in results.items():
        mean, error = _mean(log_prob)
        line = f"  {TITLES[name]:<20}{mean:>10.3f} ± {error:.3f}"
        if name != "flow" and np.isfinite(log_prob).all() and np.isfinite(flow).all():
            behind, uncertain = _mean(flow - log_prob)
            word = "behind" if behind >= 0 else "ahead of"
            line += f"   {abs(behind):.3f} ± {uncertain:.3f} {word} the model"
        impossible = int((~np.isfinite(log_prob)).sum())
        out.append(line + (f"   ({impossible:,} rows of density zero)" if impossible else ""))
    return "\n".join(out)
