"""How a fit changes weights besides the steps of Adam."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pushforward import fit, flows
from pushforward.networks import MLP
from pushforward.train import Optimization
from pushforward.train.loop.steps import adam

ONE: dict[str, Any] = {"members": 1, "gaussians": False, "progress": False}


def of_inputs(flow: Any, column: int) -> float:
    weights = flow.bijection.bijection.bijections[0].layer.bijections[-1].conditioner.weights[0]
    return float(np.abs(weights[..., column]).max())


def test_weights_of_a_column_that_does_not_matter_become_zero(key, rng):
    condition = rng.normal(size=(2000, 2)).astype(np.float32)
    x = (np.sin(2 * condition[:, :1]) + 0.3 * rng.normal(size=(2000, 1))).astype(np.float32)
    flow = flows.nsf(key, 1, cond_dim=2, layers=1, hidden=(16, 16))
    sparse, dense = (fit(key, flow, x, condition, sparsity=s, **ONE).flow for s in (1.0, 0.0))
    # The element itself is the first input, which its own parameters never see.
    useful, useless = 1, 2
    assert of_inputs(sparse, useless) < 0.02 < 0.2 < of_inputs(sparse, useful)
    assert of_inputs(dense, useless) > 0.2


def test_a_step_is_the_proximal_step_of_an_absolute_penalty(key):
    net: Any = MLP(key, 3, (1, 2), hidden=(4,))
    gradient = jax.tree.map(lambda a: jnp.linspace(-1.0, 1.0, a.size).reshape(a.shape), net)
    rate, sparsity = jnp.float32(0.3), 0.5
    moved = []
    for optimizer in (adam(None), adam(None, sparsity=sparsity)):
        updates, _ = optimizer.update(gradient, optimizer.init(net), net, rate=rate)
        moved.append(jax.tree.map(lambda w, u: w + rate * u, net, updates))
    plain, shrunk = moved
    for i, share in enumerate((1.0, 0.15)):
        w = np.asarray(plain.weights[i])
        naive = np.sign(w) * np.maximum(np.abs(w) - 0.3 * sparsity * share, 0)
        np.testing.assert_allclose(shrunk.weights[i], naive, atol=1e-6)
        np.testing.assert_array_equal(shrunk.biases[i], plain.biases[i])


def test_a_rate_of_zero_moves_nothing(key):
    net: Any = MLP(key, 3, (1, 2), hidden=(4,))
    optimizer = adam(None, sparsity=1.0)
    updates, _ = optimizer.update(net, optimizer.init(net), net, rate=jnp.float32(0))
    assert all(np.isfinite(u).all() for u in jax.tree.leaves(updates))


def test_an_optimizer_has_no_sparsity():
    with pytest.raises(ValueError, match="`sparsity` must be 0 beside an `optimizer`"):
        Optimization(optimizer=optax.sgd(0.1), sparsity=1.0)
    with pytest.raises(ValueError, match="`sparsity` must be 0 or positive"):
        Optimization(sparsity=-1.0)


@pytest.mark.parametrize("name", ["decay", "sparsity"])
def test_a_checkpoint_is_of_one_decay_and_sparsity(key, rng, tmp_path, name):
    x = rng.normal(size=(100, 2)).astype(np.float32)
    flow = flows.real_nvp(key, 2, layers=1, hidden=(8,))
    fit(key, flow, x, checkpoint=tmp_path, max_epochs=1, **{name: 0.1}, **ONE)
    with pytest.raises(ValueError, match=name):
        fit(key, flow, x, checkpoint=tmp_path, max_epochs=1, **{name: 0.2}, **ONE)
