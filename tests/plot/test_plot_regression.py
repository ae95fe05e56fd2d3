"""Pictures of predicted distributions: what is drawn and said."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from scipy.stats import norm

from pushforward.plot import fan, interval_coverage, pit, quantiles

LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_pit_of_a_calibrated_and_of_a_narrow_model(rng):
    y = rng.normal(size=2000)
    axes = pit(np.stack([norm.cdf(y), norm.cdf(2 * y)], axis=1), ["right", "narrow"])
    assert [panel.get_title() for panel in axes] == ["right: calibrated", "narrow: overconfident"]
    assert axes[0].figure.get_supxlabel().startswith("F(y | x)")
    with pytest.raises(ValueError, match=r"`values` must be numbers in \[0, 1\]"):
        pit([0.5, 1.5])


def test_coverage_by_group_finds_the_group_that_is_not_covered(rng):
    y, groups = rng.normal(size=1000), np.repeat(["a", "b"], 500)
    ends = norm.ppf(0.95) * np.where(groups == "a", 1.0, 0.5)
    axes = interval_coverage(y, np.stack([-ends, ends], axis=1), groups)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a  (500)", "b  (500)"]
    colors = {to_hex(line.get_color()).upper(): line.get_xdata() for line in axes.lines if line.get_marker() == "o"}
    inside = np.abs(y) <= ends
    assert colors["#0072B2"] == pytest.approx([inside[:500].mean()])
    assert colors["#D55E00"] == pytest.approx([inside[500:].mean()])
    numbers = interval_coverage(y, np.stack([-ends, ends], axis=1), np.where(y < -1, np.nan, y))
    assert [label.get_text() for label in numbers.get_yticklabels()][-1].startswith("missing")
    with pytest.raises(ValueError, match="`interval` must be of shape"):
        interval_coverage(y, ends, groups)
    with pytest.raises(ValueError, match="`groups` must be at most"):
        interval_coverage(y, np.stack([-ends, ends], axis=1), np.arange(1000).astype(str))


def test_fan_and_lines_hold_the_quantiles(rng):
    x = rng.permutation(np.linspace(0, 1, 50))
    values = x[:, None] + norm.ppf(LEVELS)
    axes = fan(x, values, LEVELS, y=x, at=x)
    assert labels(axes) == ["90 %", "50 %", "median", "observed"]
    assert axes.lines[0].get_ydata() == pytest.approx(np.sort(x))
    axes = quantiles(x, values, LEVELS, y=x)
    assert labels(axes)[2] == "50 % quantile, 100 % of points below"
    dates = np.datetime64("2020-01-01") + np.arange(50)
    assert fan(dates, values[:, [0, 4]], [0.05, 0.95]).get_xlim()[0] > 18000
    with pytest.raises(ValueError, match="`levels` must be pairs"):
        fan(x, values[:, :2], LEVELS[:2])
    with pytest.raises(ValueError, match="`levels` must be increasing"):
        quantiles(x, values, LEVELS[::-1])
    with pytest.raises(ValueError, match="`quantiles` must be of shape"):
        quantiles(x, values, LEVELS[:2])
