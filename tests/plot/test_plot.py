"""Pictures: what is returned, what is left alone, what is refused."""

import sys

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from pushforward.distributions import MultivariateNormal, StandardNormal
from pushforward.plot import corner, density_2d, losses
from pushforward.plot._style import binning, quantile_range
from pushforward.train import FitResult


@pytest.fixture(autouse=True)
def untouched():
    before = dict(mpl.rcParams), mpl.get_backend()
    yield
    plt.close("all")
    assert (dict(mpl.rcParams), mpl.get_backend()) == before


@pytest.fixture
def rows(rng):
    return rng.normal(size=(500, 3)) * [1.0, 1e6, 1e-6]


def test_corner_returns_one_axes_for_each_pair(rows):
    axes = corner(rows, rows + 0.0, ["a", "b", "c"])
    assert axes.shape == (3, 3)
    assert [axes[2, j].get_xlabel() for j in range(3)] == ["a", "b", "c"]
    assert [text.get_text() for text in axes[0, 0].get_legend().get_texts()] == ["data", "samples"]


def test_corner_in_a_given_figure_leaves_pyplot_alone(rows):
    figure = Figure(figsize=(4, 4))
    assert corner(rows[:, :1], figure=figure).shape == (1, 1)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("column", [np.zeros(100), np.arange(100) % 2.0, np.r_[np.zeros(99), 1e30]])
def test_corner_of_lumps(column, rng):
    axes = corner(np.column_stack([column, rng.normal(size=100)]))
    axes[0, 0].figure.canvas.draw()


def test_outliers_do_not_stretch_a_range(rng):
    low, high = quantile_range(np.r_[rng.normal(size=5000), 1e9, -1e9, np.nan])
    assert -5 < low < high < 5


def test_rounded_values_get_a_bin_each():
    low, high, n = binning(np.repeat(np.arange(1, 13), 50), 40)
    assert (low, high, n) == (0.5, 12.5, 12)


def test_density(rng):
    normal = MultivariateNormal(np.zeros(2), np.eye(2))
    axes = density_2d(normal, ((-3, 3), (-2, 2)), resolution=30, names=["a", "b"])
    image = axes.collections[0].get_array()
    np.testing.assert_allclose(image.max(), 1 / (2 * np.pi), rtol=0.02)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "b")
    _, own = plt.subplots()
    assert density_2d(normal, data=rng.normal(size=(50, 2)), log_scale=True, resolution=20, ax=own) is own
    assert own.collections[0].get_clim()[0] == own.collections[0].get_clim()[1] - 12


def test_losses():
    history = {"train": [3.0, 2.0, 1.5], "val": [3.1, 2.2, 2.4]}
    axes = losses(history)
    assert "kept: epoch 2" in [text.get_text() for text in axes.get_legend().get_texts()]
    result = FitResult(StandardNormal((1,)), {"train": [3.0, np.nan, 1.0], "val": []}, 2, 0, 1.0)
    texts = [text.get_text() for text in losses(result).get_legend().get_texts()]
    assert texts[-1] == "kept: epoch 3"


def test_refusals(rows):
    with pytest.raises(ValueError, match=r"`data` must be of 3 columns"):
        corner(rows, rows[:, :2])
    with pytest.raises(ValueError, match="`names` must be one for each"):
        corner(rows, names=["a"])
    with pytest.raises(ValueError, match="more finite rows than variables"):
        corner(np.full((10, 2), np.nan))
    with pytest.raises(ValueError, match=r"`flow` must be a distribution of shape \(2,\)"):
        density_2d(StandardNormal((3,)), ((0, 1), (0, 1)))
    with pytest.raises(ValueError, match="`bounds` must be given, unless `data` is"):
        density_2d(StandardNormal((2,)))
    with pytest.raises(ValueError, match="each low below its high"):
        density_2d(StandardNormal((2,)), ((1, 0), (0, 1)))
    with pytest.raises(ValueError, match="`history` must be a fit result"):
        losses({})


def test_a_missing_extra_is_said(rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "corner", None)
    with pytest.raises(ImportError, match=r"Plotting needs corner: pip install pushforward\[plot\]"):
        corner(rows)
