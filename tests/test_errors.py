"""The sentences of `pushforward._errors`."""

import jax
import numpy as np
import pytest

from pushforward._errors import bad, require_count, require_key


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
    require_count("layers", value)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "3", None])
def test_what_is_no_count(value):
    with pytest.raises(ValueError, match="`layers` must be a positive integer; got"):
        require_count("layers", value)


def test_a_long_value_is_cut():
    assert len(str(bad("x", "short", "y" * 1000))) < 250
