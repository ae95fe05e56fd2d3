"""Translation."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._base import AbstractUnivariate


@final
class Shift(AbstractUnivariate):
    """Translation, f(z) = z + t, with log-derivative 0: the volume-preserving map of NICE.

    Reference:
        "NICE: Non-linear Independent Components Estimation", Dinh, Krueger, Bengio, 2014.
    """

    num_params: int = eqx.field(static=True)

    def __init__(self):
        self.num_params = 1

    def forward_and_log_derivative(
        self, z: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return z + t and 0."""
        x = z + params[..., 0]
        return x, jnp.zeros_like(x)

    def inverse_and_log_derivative(
        self, x: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return x - t and 0."""
        z = x - params[..., 0]
        return z, jnp.zeros_like(z)
