"""The held-out log-likelihood of a flow compared with a Gaussian and a kernel density estimate."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..distributions import AbstractDistribution
from ..evaluate import Likelihood, compare_likelihood

#: The titles of the densities of a comparison.
TITLES = {"flow": "flow", "gaussian": "Gaussian", "kde": "KDE"}
#: Which rows were judged.
BY_HELD_OUT = (
    "This is the table of the fit: judged on the rows that the fit held out;\n"
    "the Gaussian and the KDE are fitted on the rows of the fit."
)
BY_HALF = (
    "This is not the table of the fit, or the fit held no rows out. The Gaussian and the KDE are\n"
    "fitted on one random half of it, and all are judged on the other half.\n"
    "Rows that the flow was fitted on, if there are any among them, flatter it."
)


def compare(
    flow: AbstractDistribution,
    rows: Mapping[str, np.ndarray | None],
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
) -> dict[str, Likelihood]:
    """Compare the densities on the rows `test`; the Gaussian and the KDE are fitted on the rows `train`.

    Arguments:
        flow: the density.
        rows: events, conditions and weights of all rows, under the keys "", "_condition" and "_weights", the endings
            of the arguments of `pushforward.evaluate.compare_likelihood`.
        train, test: indices of rows.
        seed: decides which rows the KDE uses.
    """

    def of(name: str, places: np.ndarray) -> dict[str, Any]:
        return {name + end: None if array is None else array[places] for end, array in rows.items()}

    return compare_likelihood(flow, **of("train", train), **of("test", test), seed=seed)


def comparison_text(results: Mapping[str, Likelihood]) -> str:
    """Return a comparison as aligned lines."""
    rows = next(iter(results.values())).rows
    out = [f"Log-likelihood of {rows:,} held-out rows, in nats per row (higher is better):"]
    for name, result in results.items():
        line = f"  {TITLES[name]:<9}"
        if np.isfinite(result.mean):
            line += f"{result.mean:>10.3f} ± {result.standard_error:.3f}"
            if name != "flow":
                word = "behind" if result.behind >= 0 else "ahead of"
                line += f"   {abs(result.behind):.3f} ± {result.behind_error:.3f} {word} the flow"
        out.append(line + (f"   ({result.note})" if result.note else ""))
    return "\n".join(out)
