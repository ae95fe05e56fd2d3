"""The sentences of `pushforward._errors`."""

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward._arrays import as_float
from pushforward._errors import bad, checked_shape, require_count, require_key


@pytest.mark.parametrize("key", [jax.random.key(0), jax.random.PRNGKey(0)], ids=["new", "old"])
def test_keys_of_either_style(key):
    require_key(key)
    jax.vmap(require_key)(jax.random.split(key))


@pytest.mark.parametrize("key", [0, None, np.zeros(2), jax.random.split(jax.random.key(0))], ids=str)
def test_what_is_no_key(key):
    with pytest.raises(ValueError, match=r"`key` must be a JAX random key; got .* Make one with jax\.random\.key"):
        require_key(key)


@pytest.mark.parametrize("value", [1, np.int64(3), np.int32(2)])
def test_counts(value):
    assert type(require_count("layers", value)) is int


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "3", None])
def test_what_is_no_count(value):
    with pytest.raises(ValueError, match="`layers` must be a positive integer; got"):
        require_count("layers", value)


def test_shapes():
    assert checked_shape((2, np.int64(3))) == (2, 3)
    assert checked_shape(()) == ()


@pytest.mark.parametrize("shape", [3, (-1,), ("a",), (1.0,), None])
def test_what_is_no_shape(shape):
    with pytest.raises(ValueError, match="`shape` must be a tuple of non-negative integers; got"):
        checked_shape(shape)


def test_the_remedy_for_a_number_as_a_shape():
    with pytest.raises(ValueError, match=r"Pass \(3,\)\."):
        checked_shape(3)


@pytest.mark.parametrize("value", ["text", None, 1j, {"x": 1}, jax.random.key(0)], ids=str)
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match="`x` must be an array of real numbers; got"):
        as_float("x", value)


def test_parts_of_different_shapes():
    with pytest.raises(ValueError, match=r"of one event shape; got .* `Reshape` changes"):
        pf.bijections.Chain([pf.bijections.Exp((2,)), pf.bijections.Exp(())])


def test_a_long_value_is_cut():
    assert len(str(bad("x", "short", "y" * 1000))) < 250


def test_one_condition_of_a_conditional_density():
    flow = pf.flows.real_nvp(jax.random.key(0), 2, cond_dim=3, layers=1, hidden=(4,))
    with pytest.raises(ValueError, match=r"`condition` must be one condition, of shape \(3,\); got `shape \(1, 3\)`"):
        pf.distributions.Conditioned(flow, np.zeros((1, 3)))
    with pytest.raises(ValueError, match="`distribution` must be conditional; got `an unconditional StandardNormal`"):
        pf.distributions.Conditioned(pf.distributions.StandardNormal((2,)), np.zeros(2))
    x = np.ones((4, 2))
    given = pf.distributions.Conditioned(flow, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(given.log_prob(x), flow.log_prob(x, [1.0, 2.0, 3.0]))


def test_a_mixture_of_what_does_not_fit_together():
    normal, wide = pf.distributions.StandardNormal((2,)), pf.distributions.StandardNormal((3,))
    flow = pf.flows.real_nvp(jax.random.key(0), 2, cond_dim=3, layers=1, hidden=(4,))
    for components, weights, match in (
        ([], None, "`components` must be at least one distribution"),
        ([normal, wide], None, "`components` must be of one shape"),
        ([normal, flow], None, "`components` must be of one cond_shape"),
        ([normal, normal], [1.0], "`weights` must be 2 positive, finite numbers"),
        ([normal, normal], [1.0, 0.0], "`weights` must be 2 positive, finite numbers"),
    ):
        with pytest.raises(ValueError, match=match):
            pf.distributions.Mixture(components, weights)
