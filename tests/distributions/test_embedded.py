"""Conditions that are trees of arrays: how often they are embedded, and what is said of wrong ones."""

from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.distributions import Conditioned, Embedded, Mixture, _batches
from pushforward.networks import AbstractEmbedding

from ..conftest import SEED

SEEN: list[tuple[int, ...]] = []


@final
class Spy(AbstractEmbedding):
    """The values of a set, added up; it writes down the batches that it sees."""

    weight: jax.Array
    in_shape: Any = eqx.field(static=True)
    out_dim: int = eqx.field(static=True)

    def __init__(self, weight: float):
        self.weight, self.out_dim = jnp.asarray(weight), 2
        self.in_shape = {"set": (5, 2), "more": ((3,), ())}

    def __call__(self, condition: Any) -> jax.Array:
        SEEN.append(condition["more"][1].shape)
        return self.weight * condition["set"].sum(0) + condition["more"][0].sum(0)


def model(weight: float = 1.0) -> Embedded:
    flow = pf.flows.nice(jax.random.key(0), 2, cond_dim=2, hidden=(4,), layers=1)
    return Embedded(flow, Spy(weight))


def conditions(*batch: int) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    return {
        "set": rng.standard_normal((*batch, 5, 2)),
        "more": (rng.standard_normal((*batch, 3)), np.ones(batch, bool)),
    }


def seen_by(density: Any, *args: Any) -> list[tuple[int, ...]]:
    SEEN.clear()
    jax.make_jaxpr(density.log_prob)(*args)
    jax.make_jaxpr(lambda condition: density.sample(jax.random.key(0), 50, condition))(args[1])
    return SEEN


@pytest.mark.parametrize(
    "density", [model(), Mixture([model(), model(2.0)]), pf.Pushforward(model(), pf.bijections.Exp((2,)))]
)
def test_a_condition_is_embedded_once_however_many_events_it_is_for(density: Any):
    assert set(seen_by(density, np.ones((1000, 2)), conditions())) == {(1,)}
    assert set(seen_by(density, np.ones((100, 1, 2)), conditions(7))) == {(7,)}


def test_a_density_at_one_condition_embeds_it_once():
    SEEN.clear()
    jax.make_jaxpr(Conditioned(model(), conditions()).log_prob)(np.ones((1000, 2)))
    assert SEEN == [(1,)]


def test_many_conditions_are_embedded_in_chunks_and_on_all_devices(monkeypatch: pytest.MonkeyPatch):
    density, x = model(), np.random.default_rng(SEED).standard_normal((40, 2))
    expected = density.log_prob(x, conditions(40))
    for limit in ("CPU_CHUNK", "SHARED_CHUNK", "CHUNK"):
        monkeypatch.setattr(_batches, limit, (4, 100))
    jax.clear_caches()
    np.testing.assert_allclose(density.log_prob(x, conditions(40)), expected, rtol=1e-12)
    monkeypatch.setattr(_batches, "SHARE", 8)
    SEEN.clear()
    np.testing.assert_allclose(density.log_prob(x, conditions(40)), expected, rtol=1e-12)
    assert set(SEEN) == {(4,)}, "14 on each of three devices, in chunks of four"
    jax.clear_caches()


def test_errors_name_the_part():
    density, x = model(), np.zeros((3, 2))
    right = conditions(3)
    first, second = right["more"]
    for wrong, message in (
        (
            None,
            r"`condition` must be a tree of arrays of trailing shapes {'set': \(5, 2\), .* This density is conditional",
        ),
        (right["set"], r"`condition` must be a dictionary .*; got `an array of shape \(3, 5, 2\)`"),
        ({"set": right["set"]}, r'`condition` must be a dictionary of the parts "set", "more"; got `"set"`'),
        ({**right, "set": None}, r'`condition\["set"\]` must be an array of trailing shape \(5, 2\); got None'),
        ({**right, "set": "text"}, r'`condition\["set"\]` must be an array of real numbers; got'),
        (
            {**right, "more": (first[:, :2], second)},
            r'`condition\["more"\]\[0\]` must be an array of trailing shape \(3,\)',
        ),
        ({**right, "more": (first,)}, r'`condition\["more"\]` must be a tuple of the parts 0, 1; got `0`'),
        (
            {**right, "more": (first, True)},
            r'`condition\["more"\]\[1\]` must be of the leading axes of `condition\["set"\]`',
        ),
        (conditions(2), r"`condition` must be of leading axes that broadcast with those of `x`, \(3,\); got `\(2,\)`"),
    ):
        with pytest.raises(ValueError, match=message):
            density.log_prob(x, wrong)
    with pytest.raises(ValueError, match=r"`condition` must be one condition, of shape .*; got `shape \(3,\), "):
        Conditioned(density, right)
    with pytest.raises(
        ValueError, match=r"`distribution` must be conditioned on shape \(2,\).*Build the flow with `cond_d"
    ):
        Embedded(pf.flows.nice(jax.random.key(0), 2, cond_dim=3), Spy(1.0))
    with pytest.raises(ValueError, match=r"`flow` must be conditioned on one array, .*Conditioned"):
        pf.numpyro.FlowDistribution(density, right)


def test_whole_numbers_and_masks_stay_what_they_are():
    image = pf.networks.ImageEmbedding(jax.random.key(0), (2, 3, 1), 2, width=2, blocks=1, masked=True)
    flow = pf.flows.nice(jax.random.key(0), 2, cond_dim=2, hidden=(4,), layers=1)
    condition = {"values": np.zeros((2, 3, 1), np.uint8), "mask": np.ones((2, 3), bool)}
    fixed = Conditioned(Embedded(flow, image), condition)
    assert {name: a.dtype.name for name, a in fixed.condition.items()} == {"values": "uint8", "mask": "bool"}
    loaded = pf.io.from_bytes(pf.io.to_bytes(fixed))
    assert {name: a.dtype.name for name, a in loaded.condition.items()} == {"values": "uint8", "mask": "bool"}


def test_the_shapes_of_a_tree_have_a_hash_and_stay():
    shapes = model().cond_shape
    assert shapes == {"set": (5, 2), "more": ((3,), ())}
    assert hash(shapes) == hash(model(2.0).cond_shape)
    with pytest.raises(TypeError, match="cannot be changed"):
        shapes["set"] = (6, 2)


def test_calibration_takes_trees(key: jax.Array):
    theta = np.asarray(model().sample(key, (), conditions(60)))
    assert pf.evaluate.sbc_ranks(key, model(), theta, conditions(60), num_draws=20) is not None
    with pytest.raises(ValueError, match=r'`x\["set"\]` must be of as many rows as `theta`, 60; got `30 rows`'):
        pf.evaluate.sbc_ranks(key, model(), theta, {**conditions(60), "set": conditions(30)["set"]})


def test_a_conditional_bijection_in_front_of_an_embedded_base_sees_the_condition_itself(key: jax.Array):
    """It was given what the base's embedding made of it, of the same length by chance."""
    embedding = pf.networks.VectorEmbedding(key, (4,), 4)
    base = Embedded(pf.flows.real_nvp(key, 2, cond_dim=4, layers=1, hidden=(4,)), embedding)
    coefficients = np.array([[3.0, 0.0, -1.0, 2.0], [0.0, 1.0, 5.0, 0.0]])
    flow = pf.Pushforward(base, pf.bijections.Regress(coefficients, [0.0, 1.0]))
    condition = np.random.default_rng(0).normal(size=(5, 4))
    x = np.random.default_rng(1).normal(size=(5, 2))
    expected = base.log_prob(x - condition @ coefficients.T - [0.0, 1.0], condition)
    np.testing.assert_allclose(flow.log_prob(x, condition), expected, rtol=1e-6)
    draws, log_prob = flow.sample_and_log_prob(key, (), condition)
    np.testing.assert_allclose(flow.log_prob(draws, condition), log_prob, rtol=1e-6)
