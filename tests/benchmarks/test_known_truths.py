"""The known truths: what is drawn has the density that is said, and rivals and report compute what they should."""

import math
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("benchmarks.known_truths", reason="the benchmarks are not part of a source distribution")

from benchmarks.known_truths.registry import TRUTHS, Known, Truth
from benchmarks.known_truths.report import report
from benchmarks.known_truths.rivals import gaussian, kde, mixture
from benchmarks.known_truths.truths import tables

from ..conftest import SEED


def drawn(truth: Truth, rows: int, seed: int = SEED) -> Known:
    assert truth.draw is not None
    return truth.draw(np.random.default_rng(seed), rows)


def columns(truth: Truth) -> tuple[int, int]:
    x, condition, _ = drawn(truth, 2)
    return x.shape[1], 0 if condition is None else condition.shape[1]


KNOWN = [truth for truth in TRUTHS.values() if truth.draw is not None]
#: Here a sum over draws is a good quadrature, and a density of kernels a good guess, but for a sharp ridge.
LINES = [truth for truth in KNOWN if columns(truth) == (1, 0)]
SMALL = [truth for truth in KNOWN if sum(columns(truth)) <= 2 and truth.name != "ridge"]

name = pytest.mark.parametrize("truth", KNOWN, ids=lambda truth: truth.name)


@name
def test_truth_is_drawn_with_its_density(truth: Truth) -> None:
    x, condition, log_p = drawn(truth, 50)
    assert x.shape == (50, x.shape[1])
    assert condition is None or condition.shape == (50, condition.shape[1])
    assert log_p.shape == (50,)
    assert all(a.dtype == np.float64 and np.isfinite(a).all() for a in (x, log_p))
    np.testing.assert_array_equal(drawn(truth, 50)[0], x)
    assert truth.about.endswith(".")


@pytest.mark.parametrize("truth", LINES, ids=lambda truth: truth.name)
def test_density_on_the_line_by_quadrature(truth: Truth) -> None:
    n = 20_000
    x, _, log_p = drawn(truth, n)
    order = np.argsort(x[:, 0])
    x, log_p = x[order, 0], log_p[order]

    def integrate(values: np.ndarray) -> np.ndarray:
        """Return the integral up to each draw but the first, without gaps of the support."""
        pieces = np.diff(x) * (values[1:] + values[:-1]) / 2
        return np.cumsum(np.where(np.diff(x) * np.exp(log_p[1:]) < 0.01, pieces, 0))

    below = integrate(np.exp(log_p))
    assert below[-1] == pytest.approx(1, abs=0.005)
    entropy = -integrate(log_p * np.exp(log_p))[-1]
    assert -log_p.mean() == pytest.approx(entropy, abs=0.005 + 4 * log_p.std() / math.sqrt(n))
    # The distance of Kolmogorov and Smirnov: larger by chance once in 3,000 times.
    assert np.abs(below - np.arange(1, n) / n).max() < 2.1 / math.sqrt(n) + 0.005


@pytest.mark.parametrize("truth", SMALL, ids=lambda truth: truth.name)
def test_draws_have_the_density_that_is_said(truth: Truth) -> None:
    """For any density q, E[q(x) / p(x)] = 1: here a density of kernels at other draws, which follows p everywhere."""
    x, condition, _ = drawn(truth, 2_000, SEED + 1)
    fresh, given, log_p = drawn(truth, 2_000)
    # Kernels would leave a support that ends at zero.
    positive = (x > 0).all() and (fresh > 0).all()
    change = np.log if positive else lambda x: x
    log_q = kde.fit(change(x), condition, SEED)(change(fresh), given) - positive * np.log(np.abs(fresh)).sum(axis=1)
    ratio = np.exp(log_q - log_p)
    assert ratio.mean() == pytest.approx(1, abs=0.1 + 3 * ratio.std() / math.sqrt(len(ratio)))


@pytest.mark.parametrize("truth", ["gaussian_10d", "gaussian_small", "factors"])
def test_gaussian_has_its_entropy(truth: str) -> None:
    x, _, log_p = drawn(TRUTHS[truth], 5_000)
    entropy = 0.5 * np.linalg.slogdet(2 * math.pi * math.e * np.cov(x, rowvar=False))[1]
    # The covariance that was found gives dim (dim + 1) / 4n less.
    lost = x.shape[1] * (x.shape[1] + 1) / (4 * len(x))
    assert -log_p.mean() == pytest.approx(entropy + lost, abs=4 * log_p.std() / math.sqrt(len(x)))


@pytest.mark.parametrize("rival", [gaussian, mixture, kde], ids=lambda module: module.__name__.rpartition(".")[2])
@pytest.mark.parametrize("conditional", [False, True], ids=["plain", "conditional"])
def test_rival_is_a_density(rival: ModuleType, conditional: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "COUNTS", range(1, 4))
    x, condition, _ = drawn(TRUTHS["branches"], 300)
    log_prob = rival.fit(x, condition if conditional else None, SEED)
    grid = np.linspace(-8, 8, 1_601)[:, None]
    for c in (-0.9, 0.1):
        log_q = log_prob(grid, np.full_like(grid, c) if conditional else None)
        assert np.exp(log_q).sum() * 0.01 == pytest.approx(1, abs=1e-3)


def test_uci_tables_are_left_out_where_they_are_not(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(tables, "UCI", tmp_path)
    with pytest.raises(tables.MissingError, match="yacht"):
        TRUTHS["yacht"].split(0, 10, 10)


def test_report() -> None:
    common = {"seed": 0, "columns": 2, "condition": 0, "rows": 50, "kind": "KL", "error": 0.01, "seconds": 3.0}
    offset = np.tile([-0.01, 0.01], 50)
    figures = {"pushforward": 0.1, "kde": 0.1005, "gaussian": 0.3}
    records = [
        {**common, "truth": "a", "library": library, "nats": nats, "blocks": list(nats + i * offset)}
        for i, (library, nats) in enumerate(figures.items())
    ]
    records.append({**common, "truth": "b", "library": "kde", "nats": 0.2, "blocks": list(0.2 + offset)})
    records.append({**common, "truth": "b", "library": "pushforward", "failed": "no reason"})
    text = report(records)
    assert "| a | 2 | 50 | **0.1000 ± 0.0100** | **0.1005 ± 0.0100** | 0.3000 ± 0.0100 | 3 / 3 / 3 |" in text
    assert "| b | 2 | 50 | failed: no reason | **0.2000 ± 0.0100** |  | - / 3 / - |" in text
    assert "| pushforward | 0.1 | 0.1 | 0.1 | 1 of 2 | 1 | 3 |" in text
