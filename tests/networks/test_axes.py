"""Networks take rows of any batch axes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import networks as c

from ..conftest import SEED


@pytest.mark.parametrize("network", [c.MLP(jax.random.key(0), 2, (3, 4)), c.MaskedMLP(jax.random.key(0), 2, 4)])
def test_conditioners_take_any_batch_axes(network: c.AbstractConditioner):
    x = jnp.asarray(np.random.default_rng(SEED).standard_normal((2, 5, 7)))
    flat = network(x.reshape((2, 35)))
    np.testing.assert_allclose(network(x), flat.reshape((len(flat), 5, 7, 4)), rtol=1e-5, atol=1e-6)
