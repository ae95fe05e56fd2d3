"""The density of rows: both forms of the network agree, conditionals sum to one, draws follow them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

import pushforward as pf
from pushforward.columns import AnyOrder, Levels, Line, prefixes
from pushforward.columns.chunks import in_chunks
from pushforward.networks import SubsetMLP

from ..cases import DENSITIES, SUBSETS, randomize
from ..contracts.study import made

PARTS = 4


@pytest.fixture(scope="module", params=DENSITIES, ids=lambda case: case.name)
def model(request):
    return randomize(request.param.make(jax.random.key(0)), jax.random.key(1), 1.0)


def _cells(model: AnyOrder, scores: np.ndarray) -> np.ndarray:
    cells = [np.asarray(h.cell(jnp.asarray(scores[:, i]))).T for i, h in enumerate(model.heads)]
    return np.stack(cells, axis=1)


@pytest.fixture(scope="module")
def drawn(model):
    empty = np.full((3000, PARTS, 3), np.nan)
    return _cells(model, model.sample(jax.random.key(2), empty, np.zeros((3000, PARTS), bool)))


@pytest.mark.parametrize("case", SUBSETS, ids=lambda case: case.name)
def test_both_forms_of_a_network_agree(case):
    network = randomize(made(case), jax.random.key(0), 1.0)
    parts = len(network.num_features)
    rng = np.random.default_rng(0)
    features = [jnp.asarray(rng.normal(size=(f, 9)), jnp.float32) for f in network.num_features]
    seen = jnp.asarray(rng.uniform(size=(parts, 9)) < 0.5)
    nothing = jnp.zeros_like(seen)
    state, zero = network.start(features, nothing), jnp.zeros((), jnp.int32)
    for part in reversed(range(parts)):
        state = network.see(state, (part,), zero, features[part], seen[part])
    for part, params in enumerate(network(features, seen)):
        np.testing.assert_allclose(network.params_of(network.read(state), (part,), zero), params, atol=1e-5)
        group = tuple(p for p in range(parts) if network.num_params[p] == network.num_params[part])
        which = jnp.asarray(group.index(part))
        np.testing.assert_allclose(network.params_of(network.read(state), group, which), params, atol=1e-5)
    gone = [jnp.where(s, f, 7.0) for f, s in zip(features, seen, strict=True)]
    for a, b in zip(network(features, seen), network(gone, seen), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_row_is_the_product_of_conditionals(model, drawn):
    cells = drawn[:50]
    for order in (model.order, (3, 1, 0, 2)):
        seen, total = np.zeros((50, PARTS), bool), np.zeros((50, PARTS))
        for part in order:
            total[:, part] = model.log_probs(cells, seen)[:, part]
            seen[:, part] = True
        np.testing.assert_allclose(model.log_prob_parts(cells, order=order), total, rtol=2e-3, atol=2e-3)
    assert (
        np.abs(model.log_prob_parts(cells).sum(1) - model.log_prob_parts(cells, order=(3, 1, 0, 2)).sum(1)).max() > 1e-3
    )


def test_missing_parts_are_left_out(model, drawn):
    cells = drawn[:50].copy()
    cells[:, 2] = np.nan
    found = model.log_prob_parts(cells)
    assert (found[:, 2] == 0).all()
    without = model.log_prob_parts(drawn[:50], order=[part for part in model.order if part != 2])
    np.testing.assert_allclose(found, without, rtol=1e-5, atol=1e-5)
    assert np.isnan(model.log_probs(cells, ~np.isnan(cells[..., 0]))[:, 2]).all()


def test_probabilities_add_up(model):
    """By enumeration of the categories and atoms and quadrature of the rest, whatever is given."""
    grid = np.linspace(-30, 30, 3001)[:, None] + 1e-3
    given = np.zeros((1, PARTS), bool)
    codes = _cells(model, np.tile([0.0, 0.2, 0.3, 0.4], (3, 1)))
    codes[:, 0, :2] = np.arange(3)[:, None]
    np.testing.assert_allclose(np.exp(model.log_probs(codes, np.tile(given, (3, 1)))[:, 0]).sum(), 1, rtol=1e-5)
    rows = np.tile(codes[:1], (len(grid), 1, 1))
    rows[:, 2, :2] = grid
    seen = np.tile([True, False, False, True], (len(grid), 1))
    total = np.trapezoid(np.exp(model.log_probs(rows, seen)[:, 2]), grid[:, 0])
    assert total == pytest.approx(1, abs=5e-3)


def _share(monkeypatch) -> list[int]:
    """Let rows that agree share the work even where they are few; return a list that receives how many prefixes do."""
    shared = []

    def noted(program, cells, *rest, **options):
        shared.append(len(cells))
        return in_chunks(program, cells, *rest, **options)

    monkeypatch.setattr(prefixes, "ROWS", 100)
    monkeypatch.setattr(prefixes, "in_chunks", noted)
    return shared


def test_rows_that_agree_share_the_work(model, drawn, monkeypatch):
    cells = drawn.copy()
    cells[::7, 1] = np.nan
    given = np.zeros((len(cells), PARTS), bool)
    given[::3, 3] = True
    alone = model.log_prob_parts(cells, given)
    shared = _share(monkeypatch)
    np.testing.assert_allclose(model.log_prob_parts(cells, given), alone, rtol=2e-3, atol=2e-3)
    assert shared
    assert max(shared) <= len(cells) / 2
    first, second = (_cells(model, model.sample(jax.random.key(6), cells, given)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[::3, 3, :2], cells[::3, 3, :2])


@pytest.mark.parametrize("share", [False, True])
def test_draws_follow_their_distribution(model, drawn, share, monkeypatch):
    if share:
        assert not _share(monkeypatch)
        drawn = _cells(
            model, model.sample(jax.random.key(3), np.full(drawn.shape, np.nan), np.zeros((3000, PARTS), bool))
        )
    seen = np.zeros((len(drawn), PARTS), bool)
    for part in model.order:
        if part == 2:
            u = model.cdf(drawn, seen, 2, drawn[:, 2, :1])[:, 0]
            assert kstest(u, "uniform").pvalue > 1e-3
            back = model.quantiles(drawn[:100], seen[:100], 2, u[:100, None])[:, 0]
            np.testing.assert_allclose(back, drawn[:100, 2, 0], rtol=1e-2, atol=1e-2)
        seen[:, part] = True


def test_given_parts_are_kept(model, drawn):
    given = np.tile([True, False, True, False], (100, 1))
    scores = model.sample(jax.random.key(5), drawn[:100], given)
    np.testing.assert_allclose(scores[:, [0, 2]], drawn[:100, [0, 2], 0], rtol=1e-6)


def test_missing_parts_stay_missing_and_tell_nothing(model, drawn):
    nothing = np.zeros(drawn.shape[:2], bool)
    missing = nothing.copy()
    missing[:, 3] = True
    scores = model.sample(jax.random.key(5), np.full(drawn.shape, np.nan), nothing, None, missing)
    assert np.isnan(scores[:, 3]).all()
    cells = _cells(model, np.where(missing, 0.0, scores))
    seen = np.tile(np.isin(np.arange(PARTS), [part for part in model.order if part not in (2, 3)]), (len(cells), 1))
    seen[:, list(model.order[model.order.index(2) :])] = False
    assert kstest(model.cdf(cells, seen, 2, cells[:, 2, :1])[:, 0], "uniform").pvalue > 1e-3


def test_it_is_saved(model, drawn, tmp_path):
    pf.save(tmp_path / "m.pf", model)
    again = pf.load(tmp_path / "m.pf")
    np.testing.assert_array_equal(again.log_prob_parts(drawn[:9]), model.log_prob_parts(drawn[:9]))


def test_refusals():
    heads = [Levels(np.zeros(2)), Line()]
    network = SubsetMLP(jax.random.key(0), [2, 18], [2, 24], width=4, depth=1)
    with pytest.raises(ValueError, match=r"`order` must be a permutation of 0, ..., 1"):
        AnyOrder(heads, network, (0, 0))
    with pytest.raises(ValueError, match="`network` must be of the features and parameters of the heads"):
        AnyOrder(heads[::-1], network)
    with pytest.raises(ValueError, match="`low` must be increasing ends"):
        Line([1.0, 0.0], [2.0, 0.5])
