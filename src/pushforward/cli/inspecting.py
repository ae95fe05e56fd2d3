"""What is wrong or unusual about the columns of a table, said by name before the fit."""

import numpy as np

from .._errors import bad
from ..data import Table

#: A share of the rows with one and the same value that makes a density there a spike.
SPIKE = 0.3
#: Rows per column below which a flow hardly learns more than a mean and a covariance.
FEW = 20


def require_density(table: Table, names: tuple[str, ...]) -> None:
    """Raise if the columns have no joint density: one is constant, or two are linear functions of each other.

    Raises:
        ValueError: naming the columns.
    """
    values = table.columns(names)
    constant = [name for name, column in zip(names, values.T, strict=True) if column.min() == column.max()]
    if constant:
        value = f"`{', '.join(constant)}` with one value in all {values.shape[0]:,} rows"
        remedy = f"A constant has no density: --exclude {','.join(constant)}."
        raise bad("columns", "not constant", value, remedy)
    correlation = np.atleast_2d(np.corrcoef(_standardized(values), rowvar=False))
    same = np.argwhere(np.triu(1 - np.abs(correlation) < 1e-12, k=1))
    if same.size and values.shape[0] > 2:
        first, second = (names[j] for j in same[0])
        remedy = f"One follows from the other, so there is no joint density: --exclude {second}."
        raise bad("columns", "no copies or linear functions of each other", f"`{first} and {second}`", remedy)


def surprises(table: Table, names: tuple[str, ...]) -> list[str]:
    """Return sentences on columns of which the log-likelihood says less than it seems to."""
    values = table.columns(names)
    sentences, spikes = [], []
    if values.shape[0] < FEW * len(names):
        sentences.append(
            f"{values.shape[0]} rows are few for {len(names)} columns: expect little more than a normal distribution, "
            "and wide standard errors."
        )
    for name, column in zip(names, values.T, strict=True):
        share = np.unique(column, return_counts=True)[1].max() / column.size
        if share > SPIKE and column.size >= 20:
            spikes.append(f"{name} ({share:.0%})")
    if spikes:
        sentences.append(
            f"one single value fills much of {', '.join(spikes)}. The density has a spike there, its height is "
            "limited by the flow's stiffness alone: log-likelihoods are high without meaning much. To compare "
            "models, --exclude such columns."
        )
    return sentences


def _standardized(values: np.ndarray) -> np.ndarray:
    centered = values - values.mean(axis=0)
    return centered / np.abs(centered).max(axis=0)
