"""Fits of the densities of columns: they learn, resume, and are the same each time."""

import equinox as eqx
import jax
import numpy as np
import pytest

from pushforward.columns import AnyOrder, Observed, marginal_of
from pushforward.networks import SubsetMLP
from pushforward.supports import Categories, Real
from pushforward.train import AnySubset, Optimization, fit_columns
from pushforward.train.objectives.data.any_subset import IN_ORDER
from pushforward.train.rows.batch import Batch
from pushforward.train.rows.rows import Rows

from ..cases import randomize


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 600)
    b = np.where(a == 1, 3.0, -3.0) + rng.normal(size=600)
    values = np.stack([a.astype(float), b], axis=1)
    marginals = [marginal_of(s, Observed(values[:, j], np.ones(600))) for j, s in enumerate((Categories(2), Real()))]
    cells = np.stack([m.cells(values[:, j]) for j, m in enumerate(marginals)], axis=1)
    cells[::7, 1] = np.nan
    heads = [m.head() for m in marginals]
    network = SubsetMLP(
        jax.random.key(0), [h.num_features for h in heads], [h.num_params for h in heads], width=16, depth=1
    )
    return AnyOrder(heads, network), cells


@pytest.mark.parametrize("members", [1, 2])
def test_a_fit_learns_both_conditionals_and_resumes(problem, members, tmp_path):
    model, cells = problem
    start = model.log_prob_parts(cells).sum(axis=1).mean()
    options = {"members": members, "batch_size": 100, "progress": False, "checkpoint": tmp_path}
    short = fit_columns(jax.random.key(1), model, cells, max_epochs=20, **{**options, "checkpoint": None})
    found = fit_columns(jax.random.key(1), model, cells, max_epochs=20, **options)
    np.testing.assert_array_equal(found.flow.log_prob_parts(cells), short.flow.log_prob_parts(cells))
    again = fit_columns(jax.random.key(1), model, cells, max_epochs=20, **options)
    np.testing.assert_array_equal(found.flow.log_prob_parts(cells), again.flow.log_prob_parts(cells))
    assert found.flow.members == members
    assert found.flow.log_prob_parts(cells).sum(axis=1).mean() > start + 0.3
    seen = ~np.isnan(cells[..., 0])
    seen[:, 0] = False
    assert np.nanmean(found.flow.log_probs(cells[seen[:, 1]], seen[seen[:, 1]])[:, 0]) > -0.2
    with pytest.raises(ValueError, match="differs in key"):
        fit_columns(jax.random.key(2), model, cells, max_epochs=20, **options)


def test_the_loss_is_of_random_orders_and_of_one(problem):
    model, cells = problem
    model = randomize(model, jax.random.key(3), 1.0)
    rows = cells[~np.isnan(cells[:, 1, 0])][:64]
    batch = Batch(np.full(64, 1 / 64, np.float32), rows.astype(np.float32))
    keys = jax.random.split(jax.random.key(0), 200)
    loss = eqx.filter_jit(lambda key: AnySubset((0, 1), (1, 0)).loss(model, batch, key))
    found = np.mean([loss(key) for key in keys])
    orders = [-model.log_prob_parts(rows, order=order).sum(axis=1).mean() for order in ((0, 1), (1, 0))]
    # Nothing is seen and both are judged, or part 1 is seen and the other one counts twice.
    nothing, one = np.zeros((64, 2), bool), np.tile([False, True], (64, 1))
    begins = -0.5 * (model.log_probs(rows, nothing).sum(axis=1) + 2 * model.log_probs(rows, one)[:, 0]).mean()
    assert found == pytest.approx((1 - IN_ORDER) * np.mean(orders) + IN_ORDER * begins, abs=0.05)


def test_rows_without_a_cell_are_as_frequent_as_in_the_table(problem):
    model, cells = problem
    cells = cells.copy()
    cells[::2, 1] = np.nan
    gone = np.isnan(cells[:, 1, 0]).astype(float)
    mark = marginal_of(Categories(2), Observed(gone, np.ones(600)))
    cells = np.concatenate([cells, mark.cells(gone)[:, None]], axis=1)
    heads = [*model.heads, mark.head()]
    sizes = [h.num_features for h in heads], [h.num_params for h in heads]
    start = AnyOrder(heads, SubsetMLP(jax.random.key(0), *sizes, width=16, depth=1))
    options = {"optimization": Optimization(learning_rate=1e-2), "members": 1, "batch_size": 100, "max_epochs": 100}
    found = fit_columns(jax.random.key(1), start, cells, marks=[(2, [1])], progress=False, **options).flow
    assert found.order[0] == 2
    row = np.array([[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0]]])
    is_gone = np.exp(found.log_probs(row, np.zeros((1, 3), bool)))[0, 2]
    assert is_gone == pytest.approx(gone.mean(), abs=0.03)


def test_conditions_are_not_modelled(problem):
    model, cells = problem
    found = fit_columns(jax.random.key(1), model, cells, given=[1], max_epochs=1, batch_size=300, progress=False)
    assert found.flow.order == (1, 0)


def test_refusals(problem):
    model, cells = problem
    with pytest.raises(ValueError, match="`cells` must be of shape"):
        fit_columns(jax.random.key(0), model, cells[:, :1])
    with pytest.raises(ValueError, match=r"`model` must be a pf.columns.AnyOrder of one member"):
        fit_columns(jax.random.key(0), AnyOrder(model.heads, model.network, members=2), cells)
    with pytest.raises(ValueError, match="`targets` must be at least one part"):
        fit_columns(jax.random.key(0), model, cells, given=[0, 1])
    with pytest.raises(ValueError, match="`marks` must be of the targets"):
        fit_columns(jax.random.key(0), model, cells, given=[1], marks=[(0, [1])])
    with pytest.raises(ValueError, match="`order` must be the targets"):
        AnySubset((0, 1), (0, 2)).check(model, Rows(cells))
