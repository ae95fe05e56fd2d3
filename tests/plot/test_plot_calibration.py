"""Pictures of calibration: what is drawn and said, and that it is what the result holds."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from pushforward.evaluate import expected_coverage, sbc_ranks, tarp
from pushforward.evaluate._uniformity import uniformity
from pushforward.evaluate.calibration import Calibration
from pushforward.plot import calibration_ecdf, calibration_histogram, coverage

from ..evaluate.models import Posterior, simulate


@pytest.fixture(autouse=True)
def untouched():
    before = dict(mpl.rcParams), mpl.get_backend()
    yield
    plt.close("all")
    assert (dict(mpl.rcParams), mpl.get_backend()) == before


@pytest.fixture
def result(key, rng):
    theta, x = simulate(rng, 300)
    return sbc_ranks(key, Posterior(), theta + np.array([0.0, 1.0]), x, 99)


def exact(values):
    test = uniformity(values, None)
    return Calibration("base", values, None, test.levels, test.shares, test.low, test.high, test.p_values)


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_histograms(result):
    axes = calibration_histogram(result, ["a", "b"], bins=20)
    assert [panel.get_title() for panel in axes] == ["a: calibrated", "b: biased"]
    figure = axes[0].figure
    assert figure.get_supxlabel() == "rank of the truth among 99 draws, as a share"
    for j, panel in enumerate(axes):
        heights, edges, _ = panel.patches[-1].get_data()
        counts = np.bincount(result.ranks[:, j] // 5, minlength=20)
        np.testing.assert_allclose(heights, counts / 300 * 20)
        np.testing.assert_allclose(edges, np.linspace(0, 1, 21))
        assert panel.get_ylim()[1] > max(heights.max(), 2.0)
        band = panel.patches[0].get_data()
        inside = np.all((heights >= band.baseline - 1e-9) & (heights <= band.values + 1e-9))
        assert inside == (j == 0)


def test_uneven_bins_and_few_draws_stay_flat(rng):
    for num_draws, bins in ((30, 20), (4, 20), (29, 7)):
        every = np.repeat((np.arange(num_draws + 1) + 0.5) / (num_draws + 1), 10)[:, None]
        test = uniformity(every, num_draws)
        flat = Calibration("pit", every, num_draws, test.levels, test.shares, test.low, test.high, test.p_values)
        heights = calibration_histogram(flat, bins=bins)[0].patches[-1].get_data().values
        np.testing.assert_allclose(heights, 1.0)
        assert len(heights) == min(bins, num_draws + 1)


def test_many_panels_in_a_given_figure(rng):
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = calibration_histogram(exact(rng.uniform(size=(100, 6))), figure=figure)
    assert axes.shape == (6,)
    assert figure.get_supxlabel() == "Φ(z), level of the base"
    assert plt.get_fignums() == []
    figure.canvas.draw()


def test_distribution_functions(result, rng):
    axes = calibration_ecdf(result)
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert set(lines) == {"x0: calibrated", "x1: biased"}
    np.testing.assert_allclose(lines["x1: biased"][1:-1], result.shares[:, 1] - result.levels)
    values = rng.uniform(size=(100, 9))
    values[:, 4] **= 3
    axes = calibration_ecdf(exact(values))
    assert legend(axes) == ["95 % band", "the other 8", "x4: biased"]
    _, own = plt.subplots()
    assert calibration_ecdf(exact(rng.uniform(size=(100, 9))), ax=own) is own
    assert legend(own)[-1] == "all 9"


def test_coverage(key, rng):
    theta, x = simulate(rng, 300)
    narrow = Posterior(scale=0.35)
    hpd, of_tarp = (test(key, narrow, theta, x, num_draws=99) for test in (expected_coverage, tarp))
    axes = coverage(hpd)
    assert legend(axes)[0] == "highest density: overconfident"
    np.testing.assert_allclose(axes.lines[1].get_ydata()[1:-1], hpd.coverage)
    assert axes.get_title() == "below the diagonal: overconfident; above: underconfident"
    _, own = plt.subplots()
    assert coverage({"regions": hpd, "points": of_tarp}, own) is own
    assert legend(own) == ["regions: overconfident", "points: overconfident"]
    assert own.get_title() == ""


def test_refusals(result):
    with pytest.raises(ValueError, match="`names` must be one for each of the 2 columns"):
        calibration_histogram(result, ["a"])
    with pytest.raises(ValueError, match="`bins` must be an integer of at least 2"):
        calibration_histogram(result, bins=1)
    with pytest.raises(ValueError, match="`results` must be 1 to 6 curves"):
        coverage({})
