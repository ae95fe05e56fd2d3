"""The held-out log-likelihood of rows beside that of a Gaussian and of a kernel density estimate."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..distributions import Pushforward
from ..evaluate import Likelihood, compare_likelihood

#: What the densities of a comparison are called.
TITLES = {"flow": "flow", "gaussian": "Gaussian", "kde": "KDE"}


def compare(
    flow: Pushforward,
    rows: Mapping[str, np.ndarray | None],
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
) -> dict[str, Likelihood]:
    """Compare on the rows `test`; the Gaussian and the KDE are fitted on the rows `train`.

    Arguments:
        flow: the density.
        rows: of all rows, the events "", the conditions "_condition" and the weights "_weights", by the end of the
            name of the argument of `pushforward.evaluate.compare_likelihood`.
        train, test: places of rows.
        seed: which rows the KDE draws.
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
