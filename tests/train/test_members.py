"""Several flows as one: each learns from rows of its own, and their mixture is the result."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from pushforward import adapt, distributions, flows
from pushforward.networks.weights import redraw
from pushforward.train import NonFiniteError, fit
from pushforward.train.loop import minimize as loop
from pushforward.train.rows.rows import Rows, shuffled
from pushforward.train.rows.split import split_for_members

from .helpers import gaussian

QUICK: dict[str, Any] = {"progress": False, "max_epochs": 2, "batch_size": 64}


def small(key: jax.Array, dim: int = 2) -> distributions.Pushforward:
    return flows.real_nvp(key, dim, layers=1, hidden=(8,))


def test_the_result_is_an_equal_mixture_of_flows_that_differ(key, rng):
    x = rng.normal(size=(200, 2)) * [1.0, 10.0]
    result: Any = fit(key, small(key), x, members=3, **QUICK)
    assert isinstance(result.flow, distributions.Mixture)
    assert len(result.flow.components) == 3
    each = np.stack([component.log_prob(x) for component in result.flow.components])
    assert np.ptp(each, axis=0).min() > 0
    np.testing.assert_allclose(result.flow.log_prob(x), np.log(np.exp(each).mean(axis=0)), rtol=1e-6)
    assert list(result.history) == ["train", "val"]


def test_a_member_is_trained_as_it_would_be_alone(key, rng):
    """With full batches and no early stop, the first of two members takes the steps of a fit to its rows alone."""
    x = rng.normal(size=(100, 2))
    settings: dict[str, Any] = {"progress": False, "max_epochs": 5, "batch_size": 200, "learning_rate": 1e-2}
    flow = gaussian()
    both: Any = fit(key, flow, x, members=2, val_fraction=0, **settings)
    alone = fit(key, flow, x, val_fraction=0, **settings)
    for member in both.flow.components:
        assert eqx.tree_equal(member, alone.flow, rtol=1e-6)


def test_weights_count(key, rng):
    x, weights = rng.normal(size=(100, 2)), rng.integers(1, 4, 100)
    settings: dict[str, Any] = {"progress": False, "max_epochs": 5, "batch_size": 400, "learning_rate": 1e-2}
    flow = gaussian()
    weighted: Any = fit(key, flow, x, weights=weights, members=2, val_fraction=0, **settings)
    alone = fit(key, flow, x, weights=weights, val_fraction=0, **settings)
    assert eqx.tree_equal(weighted.flow.components[1], alone.flow, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.*copies")
def test_no_row_is_held_out_twice_before_all_were(rng):
    x = rng.normal(size=(100, 2))
    splits = split_for_members(Rows(x), np.arange(100), 0.1, np.array([1, 2]), None, 12)
    assert all(set(train) | set(val) == set(range(100)) and not set(train) & set(val) for train, val in splits)
    held = np.concatenate([val for _, val in splits[:5]])
    assert len(held) == len(set(held)) == 50
    groups = np.repeat(np.arange(20), 5)
    for train, val in split_for_members(Rows(x), np.arange(100), 0.1, np.array([1, 2]), groups, 5):
        assert not set(groups[train]) & set(groups[val])


def test_the_weights_of_a_batch_sum_to_one_for_each_member(rng):
    x = rng.normal(size=(50, 2))
    own = [np.arange(5, 50), np.arange(45)]
    for chunk in shuffled(Rows(x), np.arange(50), 16, np.array([1]), 3, own)(0, None):
        weight = chunk.batches.weight
        np.testing.assert_allclose(weight.sum(axis=1), 1, rtol=1e-6)
        assert (weight[..., 0] > 0).sum() == 45
        assert not weight[..., 1][chunk.rows >= 45].any()


def test_resumes_bit_for_bit(key, rng, tmp_path, monkeypatch):
    x = rng.normal(size=(200, 2))
    whole = fit(key, small(key), x, members=2, **QUICK)

    def interrupt(bar, history, *rest):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "show_epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(key, small(key), x, members=2, checkpoint=tmp_path / "fit", **QUICK)
    monkeypatch.undo()
    resumed = fit(key, small(key), x, members=2, checkpoint=tmp_path / "fit", **QUICK)
    assert resumed.history == whole.history
    assert eqx.tree_equal(resumed.flow, whole.flow)
    with pytest.raises(ValueError, match="members"):
        fit(key, small(key), x, members=3, checkpoint=tmp_path / "fit", **QUICK)


def test_what_members_are_refused_for(key, rng):
    x = rng.integers(0, 4, (50, 2))
    with pytest.raises(ValueError, match="`members`"):
        fit(key, gaussian(), x, members=0, **QUICK)
    fitted = fit(key, small(key), rng.normal(size=(50, 2)), members=1, **QUICK).flow
    with pytest.raises(ValueError, match=r"`members`.* fitted before.*Mixture"):
        fit(key, fitted, rng.normal(size=(50, 2)), members=2, **QUICK)
    noise, images = adapt.dequantizer(key, (2, 2, 1), width=4), rng.integers(0, 4, (20, 2, 2, 1))
    flow = flows.nice_image(key, (2, 2, 1), levels=4, layers=1, hidden=(4,))
    with pytest.raises(ValueError, match=r"`members`.* more than the flow"):
        fit(key, flow, images, members=2, noise=noise)


def test_other_weights_are_distributed_as_the_first(key):
    flow = flows.nsf(key, 4, layers=2, hidden=(64, 64))
    other = redraw(np.array([0, 1]), 1, flow)
    same = jax.tree.map(lambda a, b: np.array_equal(a, b), flow, other)
    models: tuple[Any, Any] = flow, other
    network, again = (f.bijection.bijections[0].layer.bijections[-1].conditioner for f in models)
    for a, b in zip(network.weights[:-1], again.weights[:-1], strict=True):
        assert not np.array_equal(a, b)
        np.testing.assert_allclose(np.sort(np.abs(a), axis=-1), np.sort(np.abs(b), axis=-1))
    assert not np.any(again.weights[-1])
    outside = eqx.tree_at(lambda f: f.bijection.bijections[0], same, None)
    assert all(jax.tree.leaves(outside))


def test_a_non_finite_member_is_explained(key, rng):
    x = rng.normal(size=(50, 2))

    with pytest.raises(NonFiniteError, match="not finite"):
        fit(key, small(key), x, members=2, learning_rate=1e30, clip_norm=None, max_skipped=0, **QUICK)
