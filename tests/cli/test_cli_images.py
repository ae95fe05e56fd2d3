"""The command line on images, with networks that are as small as they come."""

import functools
import os

import jax
import numpy as np
import pytest
from PIL import Image

import pushforward as pf
from pushforward.cli.fit import FLOWS
from pushforward.data import Images, Table, read_images, read_table, write_table
from pushforward.train.loop.checkpoint import Checkpoint

from .test_cli import error, run

SMALL = {
    "glow": {"scales": 1, "steps": 1, "width": 4},
    "tarflow": {"blocks": 2, "layers": 1, "width": 8, "heads": 2},
}
ONCE = ["--epochs", "1", "--batch-size", "100"]
#: One way for all fits of a glow, so that there is one to compile.
MOVED = ["--flip", "--shift", "1", *ONCE]


def classes_of(images: Images) -> list[str]:
    """Return the name of the class of each image."""
    assert images.labels is not None
    return [images.classes[i] for i in images.labels]


@pytest.fixture(scope="module", autouse=True)
def small_flows():
    """Let the architectures build small networks, of which the command line knows nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name, options in SMALL.items():
            patch.setattr(pf.flows, name, functools.partial(getattr(pf.flows, name), **options))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small_flows):
    """Return a folder with 200 digits, and two models of them: a glow, and a tarflow with labels."""
    folder = tmp_path_factory.mktemp("images")
    digits = read_images("digits")
    labels = np.array(["no", "yes"])[[int(name) % 2 for name in classes_of(digits)[:200]]]
    np.savez(folder / "d.npz", images=digits.pixels[:200], labels=labels, levels=17)
    run("fit", folder / "d.npz", "-o", folder / "glow.pf", *MOVED)
    run("fit", folder / "d.npz", "-o", folder / "tar.pf", "--flow", "tarflow", "--labels", *ONCE)
    write_table(folder / "t.csv", Table(("a", "b"), np.random.default_rng(0).normal(size=(60, 2))))
    flow = pf.flows.nice(jax.random.key(0), 2, layers=1, hidden=(4,))
    pf.save(folder / "table.pf", flow, {"columns": ["a", "b"]})
    return folder


def test_fit_says_what_it_did(folder, tmp_path):
    result = run("fit", folder / "d.npz", "-o", tmp_path / "m.pf", *MOVED)
    assert "200 images of 8 × 8 × 1, 17 levels, in 2 classes." in result.stdout
    assert "Model: glow, " in result.stdout
    assert "180 to fit, 20 held out" in result.stdout
    assert "Bits per dimension of 20 images (lower is better): " in result.stdout
    assert f"{np.log2(17):.4f} without a model" in result.stdout
    assert "--labels conditions on them" in result.stderr
    assert os.listdir(tmp_path) == ["m.pf"]
    about = pf.io.read_metadata(tmp_path / "m.pf")
    known = {"kind": "images", "shape": [8, 8, 1], "levels": 17, "classes": [], "flow": "glow", "data": "d.npz"}
    assert about.items() >= known.items()
    assert about["rows"] == {"read": 200, "complete": 200, "fit": 180, "held_out": 20}
    assert len(about["history"]["val"]) == 1


def test_an_interrupted_fit_resumes_to_the_same_model(folder, tmp_path, monkeypatch):
    save = Checkpoint.save

    def interrupted(self, epoch, state, record):
        save(self, epoch, state, record)
        raise KeyboardInterrupt

    arguments = ["fit", folder / "d.npz", *MOVED, "--epochs", "2", "--quiet", "-o"]
    run(*arguments, tmp_path / "whole.pf")
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", interrupted)
        assert "with --resume continues" in run(*arguments, tmp_path / "m.pf", code=130).stderr
    assert sorted(os.listdir(tmp_path)) == ["m.pf.checkpoint", "whole.pf"]
    run(*arguments, tmp_path / "m.pf", "--resume")
    assert sorted(os.listdir(tmp_path)) == ["m.pf", "whole.pf"]
    first, second = (jax.tree.leaves(pf.io.load(tmp_path / name)) for name in ("m.pf", "whole.pf"))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_evaluate_finds_the_held_out_images(folder, tmp_path):
    bits, deviation = pf.io.read_metadata(folder / "tar.pf")["held_out"]["bits_per_dim"]
    result = run("evaluate", folder / "tar.pf", folder / "d.npz")
    assert "judged on those that the fit held out" in result.stdout
    assert f"of 20 images (lower is better): {bits:.4f} ± {deviation:.4f}" in result.stdout
    np.save(tmp_path / "x.npy", read_images(folder / "d.npz").pixels[:30])
    result = run("evaluate", folder / "tar.pf", tmp_path / "x.npy")
    assert "all are judged" in result.stdout
    assert "of 30 images" in result.stdout
    assert "the images have no classes" in result.stderr
    assert "first of 17 levels" in result.stderr


def test_sample_writes_a_picture_or_pixels(folder, tmp_path):
    run("sample", folder / "glow.pf", "-n", 6, "-o", tmp_path / "g.png", "--temperature", "0.5")
    with Image.open(tmp_path / "g.png") as image:
        assert image.size == (3 * 66 + 2, 2 * 66 + 2)
    run("sample", folder / "glow.pf", "-n", 6, "-o", tmp_path / "x.npy")
    pixels = read_images(tmp_path / "x.npy").pixels
    assert pixels.shape == (6, 8, 8, 1)
    assert pixels.max() <= 16
    flow = pf.io.load(folder / "glow.pf")
    np.testing.assert_array_equal(pixels, pf.data.to_pixels(flow.sample(jax.random.key(0), (6,)), 17))


def test_sample_of_classes(folder, tmp_path):
    def drawn(*arguments):
        run("sample", folder / "tar.pf", "-n", 4, "-o", tmp_path / "x.npz", *arguments)
        return read_images(tmp_path / "x.npz")

    turns, yes = drawn(), drawn("--label", "yes")
    assert turns.levels == 17
    assert classes_of(turns) == ["no", "yes", "no", "yes"]
    assert yes.classes == ("yes",)
    np.testing.assert_array_equal(turns.pixels[1::2], yes.pixels[1::2])
    guided = drawn("--label", "yes", "--guidance", "30")
    assert (guided.pixels != yes.pixels).any()
    run("sample", folder / "tar.pf", "-n", 6, "-o", tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as image:
        assert image.size == (2 * 66 + 2, 3 * 66 + 2)


def test_score_has_a_row_for_each_image(folder, tmp_path):
    source = read_images(folder / "d.npz")
    for i, name in enumerate(classes_of(source)[:3]):
        (tmp_path / "f" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(source.pixels[i, ..., 0]).save(tmp_path / "f" / name / f"{i}.png")
    result = run("score", folder / "tar.pf", tmp_path / "f", "-o", tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["file", "no/0.png", "no/2.png", "yes/1.png"]
    scores = read_table(tmp_path / "s.csv", columns=["log_prob", "bits_per_dim"]).values
    np.testing.assert_allclose(scores[:, 0], -scores[:, 1] * 64 * np.log(2))
    assert f"{scores[:, 1].mean():.4f} bits per dimension" in result.stdout
    # The noise is all that differs.
    flow = pf.io.load(folder / "tar.pf")
    middle = flow.log_prob(source.pixels[[0, 2, 1]] + 0.5, np.eye(2)[[0, 0, 1]])
    np.testing.assert_allclose(scores[:, 0], middle, atol=30)
    run("score", folder / "tar.pf", tmp_path / "f", "--no-labels", "-o", tmp_path / "s.csv")
    blind = read_table(tmp_path / "s.csv", columns=["log_prob"]).values[:, 0]
    middle = flow.log_prob(source.pixels[[0, 2, 1]] + 0.5, np.zeros((3, 2)))
    np.testing.assert_allclose(blind, middle, atol=30)
    assert (blind != scores[:, 0]).all()
    run("score", folder / "tar.pf", folder / "d.npz", "-o", tmp_path / "s.parquet")
    table = read_table(tmp_path / "s.parquet")
    assert table.names == ("index", "log_prob", "bits_per_dim")
    np.testing.assert_array_equal(table.values[:, 0], np.arange(200))


def test_info(folder):
    text = run("info", folder / "tar.pf").stdout
    for words in ("8 × 8 × 1 (height × width × channels), 17 levels", "no, yes", "tarflow", "1 epochs", "bits/dim"):
        assert words in text
    assert "flip True, shift 1" in run("info", folder / "glow.pf").stdout


def test_a_model_saved_from_python(tmp_path):
    flow = pf.flows.glow(jax.random.key(0), (4, 4, 1), cond_dim=2)
    pf.save(tmp_path / "m.pf", flow)
    text = run("info", tmp_path / "m.pf").stdout
    assert "256 levels" in text
    assert "0, 1" in text
    pf.save(tmp_path / "m.pf", flow, {"classes": ["a"]})
    assert "saved with the names of 2 classes; got ['a']" in error("info", tmp_path / "m.pf")
    pf.save(tmp_path / "m.pf", flow, {"levels": 500})
    assert "saved with levels from 2 to 256; got 500" in error("info", tmp_path / "m.pf")


def test_refusals_of_fit(folder, tmp_path):
    d, m = folder / "d.npz", tmp_path / "m.pf"
    assert "`--columns` must be left out: " in error("fit", d, "-o", m, "--columns", "a")
    assert "`--layers` must be left out: " in error("fit", d, "-o", m, "--layers", 3)
    assert "`--strict` must be left out: " in error("fit", d, "-o", m, "--strict")
    assert "`--flip` must be left out: " in error("fit", folder / "t.csv", "-o", m, "--flip")
    rule = "one of glow, nice_image, real_nvp_image, tarflow, the architectures for images; got 'nsf'"
    assert rule in error("fit", d, "-o", m, "--flow", "nsf")
    assert "the architectures for tables; got 'glow'" in error("fit", folder / "t.csv", "-o", m, "--flow", "glow")
    assert "`--shift` must be below the size" in error("fit", d, "-o", m, "--shift", 8)
    assert "--test-fraction" in error("fit", d, "-o", m, "--test-fraction", "1")
    np.save(tmp_path / "x.npy", read_images("digits").pixels[:20, :5] / 16)
    assert "got `float64 from 0 to 1`. Save np.round" in error("fit", tmp_path / "x.npy", "-o", m)
    np.save(tmp_path / "x.npy", read_images("digits").pixels[:20, :5])
    assert "--labels" in error("fit", tmp_path / "x.npy", "-o", m, "--labels")
    dark = run("fit", tmp_path / "x.npy", "-o", m, code=1).stderr
    assert "multiples of 2" in dark
    assert "no pixel is above 16, and there are 256 levels" in dark
    np.save(tmp_path / "x.npy", np.zeros((20, 8, 8), np.uint8))
    assert "images of more than one shade; got `0 in all pixels`" in error("fit", tmp_path / "x.npy", "-o", m)
    assert "There is no file" in error("fit", tmp_path / "none", "-o", m)
    (tmp_path / "m.pf.checkpoint" / "0").mkdir(parents=True)
    assert "continue it with --resume" in error("fit", d, "-o", m)
    assert not m.exists()


def test_models_and_data_that_do_not_go_together(folder, tmp_path):
    glow, tar, table, d = folder / "glow.pf", folder / "tar.pf", folder / "table.pf", folder / "d.npz"
    out = tmp_path / "o.csv"
    for command, *rest in (("score", "-o", out), ("evaluate",)):
        assert "`DATA` must be a table; got `images in" in error(command, table, d, *rest)
        assert "`--no-labels` must be left out: " in error(command, table, folder / "t.csv", "--no-labels", *rest)
        assert "`DATA` must be images, as MODEL is" in error(command, glow, folder / "t.csv", *rest)
    pixels = read_images(d).pixels
    np.save(tmp_path / "x.npy", pixels[:, :4])
    assert "as those of MODEL; got `4 × 8 × 1`" in error("score", glow, tmp_path / "x.npy", "-o", out)
    np.save(tmp_path / "x.npy", pixels + 3)
    assert "pixels from 0 to 16, as those of MODEL; got `a pixel of 19`" in error("evaluate", glow, tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", pixels[:3], labels=np.array(["yes", "no", "maybe"]))
    assert "of the classes no, yes; got 'maybe'. --no-labels" in error("score", tar, tmp_path / "x.npz", "-o", out)
    assert "of 3 images" in run("evaluate", tar, tmp_path / "x.npz", "--no-labels").stdout
    assert "sample " in error("plot", glow, "-o", tmp_path / "p.png")

    def sample(model, *arguments, to="g.png") -> str:
        return error("sample", model, "-n", 2, "-o", tmp_path / to, *arguments)

    assert "`--given` must be left out: " in sample(glow, "--given", "a=1")
    assert "`--temperature` must be left out: " in sample(table, "--temperature", "0.5", to="o.csv")
    assert "ending in .png, .npy, .npz for images" in sample(glow, to="o.csv")
    assert "ending in .csv" in sample(table)
    assert "`--label` must be left out for a model without classes" in sample(glow, "--label", "yes")
    assert "`--guidance` must be left out for a model without classes" in sample(glow, "--guidance", "1")
    assert "one of the classes no, yes; got 'x'" in sample(tar, "--label", "x")
    assert "positive and finite; got 0" in sample(tar, "--temperature", "0")
    assert "not negative; got -1" in sample(tar, "--label", "yes", "--guidance", "-1")
    assert sorted(os.listdir(tmp_path)) == ["x.npy", "x.npz"]


def test_every_architecture_that_is_offered_exists():
    for flow in FLOWS[1:]:  # The first is that of tables of any kinds, which no function builds.
        assert callable(getattr(pf.flows, flow))
