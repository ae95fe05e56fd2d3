"""Models of tables, each with the settings that its documentation begins with: fit to rows, then draw."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from .tables import is_number, read_csv

#: Draws a number of rows.
Draw = Callable[[int], pd.DataFrame]


def pushforward(path: Path, seed: int) -> Draw:
    """`TableModel` with its defaults; what is missing is drawn, too."""
    import jax

    import pushforward as pf

    frame = read_csv(path)
    model = pf.TableModel.build(frame, seed=seed).fit(frame, seed=seed, progress=False)
    return lambda n: model.sample(jax.random.key(seed), n, missing=True, like=frame)


def sdv(name: str) -> Callable[[Path, int], Draw]:
    """Return the fit of a synthesizer of sdv, with the kinds of columns that sdv finds."""

    def fit(path: Path, seed: int) -> Draw:
        import torch
        from sdv import single_table
        from sdv.metadata import Metadata

        np.random.seed(seed)  # noqa: NPY002 -- sdv draws from this state
        torch.manual_seed(seed)
        data = {"table": read_csv(path)}
        model = getattr(single_table, name)(Metadata.detect_from_dataframes(data))
        model.fit(data)
        return lambda n: model.sample(num_rows=n)["table"]

    return fit


def arf(path: Path, seed: int) -> Draw:
    """Adversarial random forest. Cells must be there: gaps become a level, or the median and a column that marks them.

    Numbers are rounded to the decimals of the training rows, as sdv and pushforward do by themselves.
    """
    from arfpy import arf as forest

    np.random.seed(seed)  # noqa: NPY002 -- arfpy draws from this state
    frame = read_csv(path)
    filled, marks, decimals = frame.copy(), {}, {}
    for name in frame.columns:
        gone = frame[name].isna()
        if is_number(frame[name]):
            decimals[name] = _decimals(frame[name].dropna().to_numpy())
            if gone.any():
                marks[name] = f"{name} is missing"
                filled[name] = frame[name].fillna(frame[name].median())
                filled[marks[name]] = gone.map({True: "yes", False: "no"}).astype(object)
        else:
            filled[name] = frame[name].fillna("").astype(object)
    model = forest.arf(x=filled, verbose=False, random_state=seed)
    model.forde()

    def draw(n: int) -> pd.DataFrame:
        drawn = model.forge(n=n)
        for name, digits in decimals.items():
            drawn[name] = drawn[name].astype(float).round(digits)
        for name, mark in marks.items():
            drawn.loc[drawn[mark] == "yes", name] = np.nan
        return drawn[frame.columns]

    return draw


def _decimals(values: np.ndarray) -> int:
    return next((d for d in range(12) if np.allclose(np.round(values, d), values, rtol=0, atol=1e-9)), 12)


MODELS: dict[str, Callable[[Path, int], Draw]] = {
    "pushforward": pushforward,
    "ctgan": sdv("CTGANSynthesizer"),
    "tvae": sdv("TVAESynthesizer"),
    "gaussian-copula": sdv("GaussianCopulaSynthesizer"),
    "arf": arf,
}
