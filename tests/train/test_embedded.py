"""Fits of flows whose conditions are trees of arrays, with the network that embeds them."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

import pushforward as pf

ROWS = 400


def model(key: jax.Array) -> pf.distributions.Embedded:
    for_set, for_rest, for_flow = jax.random.split(key, 3)
    points = pf.networks.DeepSet(for_set, (6, 1), 4, width=8, masked=True)
    embedding = pf.networks.TreeEmbedding({"points": points, "offset": pf.networks.VectorEmbedding(for_rest, (1,), 2)})
    flow = pf.flows.maf(for_flow, 1, cond_dim=6, layers=1, hidden=(8,))
    return pf.distributions.Embedded(flow, embedding)


def rows(rng: np.random.Generator, n: int = ROWS) -> tuple[np.ndarray, dict[str, Any]]:
    """Return locations, and what is known of each: a few numbers around it, and by how much these are off."""
    x, offset = rng.standard_normal((n, 1)), rng.uniform(-1, 1, (n, 1))
    mask = np.arange(6) < rng.integers(2, 7, (n, 1))
    values = np.where(mask, x + offset + 0.1 * rng.standard_normal((n, 6)), 0.0)[..., None]
    return x, {"points": {"values": values, "mask": mask}, "offset": offset}


def fit(key: jax.Array, flow: Any, x: Any, condition: Any, **settings: Any) -> Any:
    settings = {
        "max_epochs": 40,
        "batch_size": 50,
        "learning_rate": 1e-2,
        "patience": 40,
        "progress": False,
        **settings,
    }
    return pf.fit(key, flow, x, condition, **settings)


def test_the_network_is_trained_along(key: jax.Array, rng: np.random.Generator):
    start = model(key)
    x, condition = rows(rng)
    result = fit(key, start, x, condition)
    before, after = (
        jax.tree.leaves(eqx.filter(m.embedding, eqx.is_inexact_array)) for m in (start, result.flow.components[0])
    )
    assert all(np.any(np.asarray(a) != b) for a, b in zip(before, after, strict=True))
    fresh, known = rows(rng)
    # The entropy of a location that is not known is 1.42; of one known to 0.1, about -0.9.
    assert -np.mean(result.flow.log_prob(fresh, known)) < 0.0
    shuffled = jax.tree.map(lambda a: np.roll(a, 1, axis=0), known)
    assert -np.mean(result.flow.log_prob(fresh, shuffled)) > 1.0


def test_weights_and_checkpoints(key: jax.Array, rng: np.random.Generator, tmp_path: Any):
    """A row of weight two counts as two rows; a fit that is called again goes on, or says that it is another."""
    start = model(key)
    x, condition = rows(rng, 60)
    settings = {"max_epochs": 2, "val_fraction": 0, "weights": np.where(np.arange(60) < 30, 1.0, 0.0)}
    half = fit(key, start, x, condition, **settings, checkpoint=tmp_path / "fit")
    again = fit(key, start, x, condition, **settings, checkpoint=tmp_path / "fit")
    spoiled = jax.tree.map(lambda a: np.where((np.arange(60) < 30).reshape(-1, *[1] * (a.ndim - 1)), a, 0), condition)
    same = fit(key, start, x, spoiled, **settings)
    for a, b, c in zip(*(jax.tree.leaves(eqx.filter(r.flow, eqx.is_array)) for r in (half, again, same)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    with pytest.raises(ValueError, match="checkpoint"):
        fit(key, start, x, spoiled, **settings, checkpoint=tmp_path / "fit")


def test_what_is_wrong_with_a_part_is_said_of_it(key: jax.Array, rng: np.random.Generator):
    start = model(key)
    x, right = rows(rng, 20)
    points = right["points"]
    holes = points["values"].copy()
    holes[3, 1, 0] = np.nan
    for wrong, message in (
        ({"points": points}, r'`condition` must be a dictionary of the parts "points", "offset"'),
        (
            {**right, "points": {**points, "values": points["values"][:, :5]}},
            r'`condition\["points"\]\["values"\]` must be',
        ),
        ({**right, "offset": right["offset"][:10]}, r'`condition\["offset"\]` must be of as many rows as `x`, 20; got'),
        (
            {**right, "points": {**points, "values": holes}},
            r'`condition\["points"\]\["values"\]` must be finite; .*row 3',
        ),
        (None, r"`condition` must be"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(key, start, x, wrong)
