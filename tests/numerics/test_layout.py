"""What fixes the layout of an array leaves its values."""

import jax.numpy as jnp
import numpy as np

from pushforward.numerics.layout import materialize, materialize_index, one_like


def test_what_is_materialized_is_unchanged():
    x = jnp.asarray([0.0, -0.0, 3.0, -1e38, np.finfo(np.float32).tiny])
    np.testing.assert_array_equal(materialize(x, one_like(x)), x)
    for most in range(1, 18):
        np.testing.assert_array_equal(materialize_index(jnp.arange(most + 1), most), np.arange(most + 1))
