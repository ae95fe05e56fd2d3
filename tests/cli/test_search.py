"""`pushforward fit --search`."""

import os

import numpy as np
import pytest

import pushforward as pf
from pushforward.models import Candidate, _fitting
from pushforward.train.loop import minimize

from .test_cli import error, run


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Write a table; let searches have two small candidates."""

    def small(rows, dim, cond_dim=0, *, fit, **options):
        both = [Candidate(name, {"layers": 1, "hidden": (8,)}, fit) for name in ("nice", "real_nvp")]
        return {str(candidate): candidate for candidate in both}

    monkeypatch.setattr(_fitting, "candidates_for", small)
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(size=(300, 3)), rng.uniform(1, 2, 300)])
    pf.data.write_table(tmp_path / "t.csv", pf.data.Table(("a", "b", "c", "w"), values))
    return tmp_path / "t.csv"


def test_fit_with_a_search_says_what_it_tried(table, tmp_path):
    options = ["--given", "c", "--weights", "w", "--search", "--minutes", "5", "--epochs", "3", "--batch-size", "300"]
    said = run("fit", table, "-o", tmp_path / "m.pf", *options).stdout
    assert "parameters. Rows" not in said, "the size of the flow is not known before the search"
    for words in ("Chosen: ", "candidate", "nice layers=1", "real_nvp layers=1", "max_epochs=3", "best", "  KDE"):
        assert words in said
    assert sorted(os.listdir(tmp_path)) == ["m.pf", "t.csv"]
    about = run("info", tmp_path / "m.pf").stdout
    for words in ("search", "behind the best", "nice layers=1", "real_nvp layers=1", "270 to fit, 30 held out"):
        assert words in about
    assert "judged on the rows that the fit held out" in run("evaluate", tmp_path / "m.pf", table).stdout


def test_a_killed_search_is_resumed(table, tmp_path, monkeypatch):
    model, epochs, show = tmp_path / "m.pf", [0], minimize.show_epoch

    def killed(*arguments, **options):
        epochs[0] += 1
        if epochs[0] == 3:
            raise KeyboardInterrupt
        show(*arguments, **options)

    monkeypatch.setattr(minimize, "show_epoch", killed)
    options = ["--columns", "a,b", "--search", "--epochs", "2", "--batch-size", "300"]
    assert "--resume continues" in run("fit", table, "-o", model, *options, code=130).stderr
    assert "continue it with --resume" in error("fit", table, "-o", model, *options)
    assert "best" in run("fit", table, "-o", model, *options, "--resume").stdout
    assert sorted(os.listdir(tmp_path)) == ["m.pf", "t.csv"]


def test_refusals(table, tmp_path):
    model = tmp_path / "m.pf"
    assert "`--flow` must be left out with --search" in error("fit", table, "-o", model, "--search", "--flow", "nice")
    assert "`--layers` must be left out with" in error("fit", table, "-o", model, "--search", "--layers", 2)
    assert "`--minutes` must be left out without" in error("fit", table, "-o", model, "--minutes", 2)
    assert "`--minutes` must be positive" in error("fit", table, "-o", model, "--search", "--minutes", 0)
    assert "`--search` must be left out: digits holds images" in error("fit", "digits", "-o", model, "--search")
