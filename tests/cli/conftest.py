"""One fitted model of a table of many kinds, for all tests of commands that ask it."""

import csv
import datetime

import numpy as np
import pytest

from .test_cli import run

#: A level that holds what separates conditions, and one that would be a tag of HTML.
RENO, TAG = "Reno, NV", "<script>alert(1)</script>"
QUICK = ["--epochs", "2", "--members", "1", "--batch-size", "100"]


def write_mixed(path, rows=200, seed=0):
    """Write a table with text, counts, dates, yes and no, an amount that is often zero, and empty cells."""
    rng = np.random.default_rng(seed)
    places = rng.choice([RENO, "Ely", TAG], rows, p=[0.5, 0.3, 0.2])
    visits = rng.poisson(4 + 3 * (places == "Ely"))
    amounts = np.where(rng.uniform(size=rows) < 0.4, 0.0, np.round(rng.gamma(2.0, 10.0, rows), 3))
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["place", "visits", "amount", "day", "open", "score"])
        for i in range(rows):
            day = datetime.date(2024, 1, 1) + datetime.timedelta(days=int(rng.integers(300)))
            score = "" if rng.uniform() < 0.1 else f"{rng.normal() + visits[i]:.6f}"
            yes = "yes" if rng.uniform() < 0.6 else "no"
            out.writerow([places[i], visits[i], f"{amounts[i]:.3f}", day, yes, score])


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    """Return a folder with the table t.csv, the model m.pf, and what the fit said in fit.txt."""
    folder = tmp_path_factory.mktemp("mixed")
    write_mixed(folder / "t.csv")
    result = run("fit", folder / "t.csv", "-o", folder / "m.pf", *QUICK)
    (folder / "fit.txt").write_text(result.stdout)
    return folder
