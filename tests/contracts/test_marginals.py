"""The contract of marginals: values to cells and back, total probability one, whatever the column."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward.columns import AnyOrder, LevelShares, Observed, marginal_from_json, marginal_of
from pushforward.networks import SubsetMLP

from ..cases import MARGINALS
from ..cases.columns import Observations

each_line = pytest.mark.parametrize("line", MARGINALS, ids=lambda line: line.name)
each_size = pytest.mark.parametrize("rows", [2, 30, 3000])


def _made(line: Observations, rows: int, equal: bool = False):
    rng = np.random.default_rng(0)
    values = np.asarray(line.draw(rng, rows), float)
    values = np.full(rows, values[0]) if equal else values
    return marginal_of(line.support, Observed(values, np.ones(rows), line.atoms)), values


@each_line
@each_size
@pytest.mark.parametrize("equal", [False, True], ids=["varied", "equal"])
def test_values_come_back(line: Observations, rows: int, equal: bool):
    marginal, values = _made(line, rows, equal)
    assert marginal_from_json(json.loads(json.dumps(marginal.to_json()))) == marginal
    # Of rows that are all equal nothing is known of other values.
    fresh = np.unique(values if equal else np.concatenate([values, _made(line, 50)[1]]))
    cells = marginal.cells(fresh)
    assert np.isfinite(cells).all()
    assert (cells[:, 1] >= cells[:, 0]).all()
    middle = cells[:, 0] if isinstance(marginal, LevelShares) else cells[:, :2].mean(axis=1)
    np.testing.assert_allclose(marginal.values(middle), fresh, rtol=1e-7, atol=1e-7 * np.abs(fresh).max())
    starts = cells[:, 0]
    assert (np.diff(starts) >= 0).all()
    assert np.isnan(marginal.cells(np.array([np.nan]))).all()
    assert np.isnan(marginal.values(np.array([np.nan]))).all()
    if line.outside:
        assert (marginal.cells(np.array(line.outside))[:, 2] == -np.inf).all()


def _total(line: Observations, marginal, log_prob) -> float:
    """Return the probability of everything: sums over atoms and whole numbers, quadrature elsewhere."""
    cells_of, total = marginal.cells, 0.0
    if line.support.measure == "counting":
        ends = marginal.values(np.array([-12.0, 12.0]))
        if line.subject == "LevelShares" or "bounded" in line.name:
            ends = np.array([0.0, 9.0])
        values = np.arange(np.floor(ends[0]) - 1, ends[1] + 2)
        return float(np.exp(log_prob(cells_of(values))).sum())
    atoms = getattr(marginal, "atoms", ())
    if atoms:
        total += float(np.exp(log_prob(cells_of(np.asarray(atoms)))).sum())
    if "Angle" in line.name:
        x = (np.arange(200_000) + 0.5137) / 200_000 * marginal.period
        keep = ~np.isin(x, atoms)
        return total + float(np.exp(log_prob(cells_of(x[keep]))).mean() * marginal.period)
    # Places at the scores of a fine grid: dense where the density is high.
    x = np.unique(marginal.values(np.linspace(-40, 40, 400_001)))
    x = (x[1:] + x[:-1]) / 2
    x = x[~np.isin(x, atoms) & np.isfinite(x)]
    cells = cells_of(x)
    inside = np.isfinite(cells[:, 2]) & (cells[:, 0] == cells[:, 1])
    return total + float(np.trapezoid(np.where(inside, np.exp(log_prob(cells)), 0), x))


@each_line
@each_size
def test_the_total_probability_is_one(line: Observations, rows: int):
    if "sparse-count" in line.name or "amount" in line.name or ("whole" in line.name and rows == 2):
        pytest.skip("millions of whole numbers: their sum takes minutes")
    marginal, _ = _made(line, rows)
    atol = 2e-3 if "Level" not in line.name else 1e-9
    np.testing.assert_allclose(_total(line, marginal, marginal.log_prob), 1, atol=atol)
    head = marginal.head()
    params = 0.5 * np.random.default_rng(1).normal(size=(head.num_params, 1))
    with jax.enable_x64(True):
        exact = marginal.head()

        def log_prob(cells: np.ndarray) -> np.ndarray:
            wide = jnp.asarray(np.broadcast_to(params, (len(params), len(cells))))
            return np.asarray(exact.log_prob(wide, jnp.asarray(cells.T)))

        np.testing.assert_allclose(_total(line, marginal, log_prob), 1, atol=4e-3)


@each_line
def test_programs_see_the_cells_that_rows_have(line: Observations):
    """A draw must be seen by the network as the same value in a row: by its interval, if it has a probability."""
    marginal, values = _made(line, 3000)
    cells = marginal.cells(np.unique(values))
    probable = cells[:, 1] > cells[:, 0]
    mass = np.exp(marginal.log_prob(cells))
    cells = cells[probable & (mass > 1e-3)] if line.subject != "LevelShares" else cells
    middle = jnp.asarray(cells[:, :2].mean(axis=1))
    found = np.asarray(marginal.head().cell(middle))[:2].T
    np.testing.assert_allclose(found, cells[:, :2], rtol=1e-5, atol=1e-5)


@each_line
def test_ranks_and_distances(line: Observations):
    marginal, values = _made(line, 60)
    cells = marginal.cells(values)
    ranks = np.array([0.05, 0.3, 0.5, 0.9])
    scores = marginal.scores_at(ranks)
    assert (np.diff(scores) >= 0).all()
    if marginal.level_shares is None:
        np.testing.assert_allclose(marginal.ranks(scores), ranks, rtol=1e-9)
    else:
        assert sum(marginal.level_shares) == pytest.approx(1)
        assert (marginal.ranks(scores) >= ranks).all()
        assert (marginal.ranks(scores - 1) < ranks).all()
    assert marginal.lowest is None or values.min() >= marginal.lowest
    assert not marginal.is_whole or (values == np.round(values)).all()
    apart = marginal.apart(cells, cells)
    np.testing.assert_allclose(apart, apart.T)
    np.testing.assert_array_equal(np.diag(apart), 0)
    assert ((apart >= 0) & (apart <= 1)).all()
    gone = marginal.cells(np.array([np.nan]))
    assert np.isnan(marginal.apart(cells, gone)).all()


@each_line
def test_weights_move_the_distribution(line: Observations):
    rng = np.random.default_rng(0)
    values = np.asarray(line.draw(rng, 3000), float)
    above = values > np.median(values)
    weights = np.where(above, 9.0, 1.0)
    cells = marginal_of(line.support, Observed(values, weights / weights.mean(), line.atoms)).cells(values[above])
    share = weights[above].sum() / weights.sum()
    if isinstance(marginal_of(line.support, Observed(values, np.ones(3000), line.atoms)), LevelShares):
        return
    start = cells[:, 0].min()
    start = start if "Angle" in line.name else 1 / (1 + np.exp(-start))
    assert start == pytest.approx(1 - share, abs=0.03)


def test_the_density_is_continuous_across_the_seam():
    line = next(line for line in MARGINALS if line.name == "AngleRanks:")
    marginal, _ = _made(line, 3000)
    head = marginal.head()
    network = SubsetMLP(jax.random.key(0), [head.num_features], [head.num_params], width=4, depth=1)
    model = AnyOrder([head], network)
    cells = marginal.cells(np.array([0.0, 1e-4, 360 - 1e-4, 180.0]))[:, None]
    found = model.log_prob_parts(cells)[:, 0]
    np.testing.assert_allclose(found[:3], found[0], atol=1e-4)
    assert found[3] < found[0] - 0.1
