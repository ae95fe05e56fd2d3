"""The Gaussian copula of mixed columns against enumeration, quadrature, and a density that is known."""

from typing import Any

import numpy as np
from scipy.stats import multivariate_normal

from pushforward.columns import Observed, marginal_of
from pushforward.models.tables.baselines import independent
from pushforward.models.tables.copula import GaussianCopula
from pushforward.supports import Categories, IntegerRange, Real

MIXED = np.array([[1.0, 0.5, -0.3], [0.5, 1.0, 0.4], [-0.3, 0.4, 1.0]])


def _columns(seed: int = 0, rows: int = 4000):
    z = np.random.default_rng(seed).multivariate_normal(np.zeros(3), MIXED, rows)
    values = np.stack([z[:, 0], (z[:, 1] > 0.3) + (z[:, 1] > 1.0), np.floor(np.exp(z[:, 2]))], axis=1)
    supports = (Real(), Categories(3), IntegerRange(0))
    ones = np.ones(rows)
    marginals = [marginal_of(s, Observed(values[:, j], ones)) for j, s in enumerate(supports)]
    return marginals, values


def _cells(marginals, values):
    return np.stack([m.cells(values[:, j]) for j, m in enumerate(marginals)], axis=1)


def test_without_correlation_columns_are_independent():
    marginals, values = _columns()
    cells = _cells(marginals, values)
    cells[::5, 1] = np.nan
    found = GaussianCopula(tuple(marginals), np.eye(3)).log_prob(cells)
    np.testing.assert_allclose(found, independent(marginals, cells), atol=1e-6)


def test_probabilities_add_up():
    marginals, values = _columns()
    model = GaussianCopula.of(marginals, _cells(marginals, values))
    grid = np.linspace(-7, 7, 801)
    most = int(values[:, 2].max())
    codes = np.stack(np.meshgrid(grid, np.arange(3.0), np.arange(most + 1.0), indexing="ij"), axis=-1).reshape((-1, 3))
    found = np.exp(model.log_prob(_cells(marginals, codes)))
    total = np.trapezoid(found.reshape((len(grid), -1)).sum(axis=1), grid)
    # The count has no upper bound, and its interval is estimated from draws.
    np.testing.assert_allclose(total, 1, atol=0.01)


def test_normal_columns_have_their_density():
    rows = np.random.default_rng(1).multivariate_normal(np.zeros(3), MIXED, 6000)
    ones = np.ones(len(rows))
    marginals = [marginal_of(Real(), Observed(column, ones)) for column in rows.T]
    cells = _cells(marginals, rows)
    found = GaussianCopula.of(marginals, cells).log_prob(cells)
    normal: Any = multivariate_normal
    expected = normal(np.zeros(3), MIXED).logpdf(rows)
    # The marginal densities are estimated.
    assert abs((found - expected).mean()) < 0.03


def test_a_value_that_cannot_be_has_density_zero():
    marginals, values = _columns()
    cells = _cells(marginals, values[:3])
    cells[1, 2, 2] = -np.inf
    assert np.isneginf(GaussianCopula.of(marginals, cells).log_prob(cells)).tolist() == [False, True, False]
