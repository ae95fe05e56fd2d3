"""A model that the command line of version 0.1 wrote is a model for this one, held-out rows and all."""

import pathlib

import numpy as np

import pushforward as pf

from ..cli.test_cli import run

FILES = pathlib.Path(__file__).parent / "files"
MODEL, DATA = FILES / "v01_table.pf", FILES / "v01_table.csv"


def test_in_python():
    model = pf.models.load(MODEL)
    assert isinstance(model, pf.models.VectorModel)
    assert (model.schema.event, model.schema.given) == (("temp", "wind_speed"), ("dewp",))
    evaluation = model.evaluate(model.read(DATA))
    assert "the rows that the fit held out" in evaluation.judged
    assert model.record is not None
    for name, score in model.record.held_out.items():
        np.testing.assert_allclose(evaluation.scores[name], score, rtol=1e-4)


def test_on_the_command_line(tmp_path):
    text = run("info", MODEL).stdout
    for words in ("temp, wind_speed", "dewp", "nsf, layers 1", "359 to fit, 40 held out; seed 0", "-5.818", "0.1.0"):
        assert words in text
    assert "mean " in run("score", MODEL, DATA, "-o", tmp_path / "s.csv").stdout
    run("sample", MODEL, "-n", 3, "-o", tmp_path / "s.csv", "--given", "dewp=30")
    assert (tmp_path / "s.csv").read_text().startswith("temp,wind_speed,dewp\n")
    assert "-5.818 ± 0.217" in run("evaluate", MODEL, DATA).stdout
