"""Translation and scaling."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import require
from ..numerics.safe import bounded
from ._base import AbstractUnivariate


@final
class Affine(AbstractUnivariate):
    """Affine map, f(z) = exp(s) z + t, with the log-scale kept in (-S, S) by s = a / (1 + |a| / S).

    The bound is smooth, because a clipped log-scale would have no gradient, and an unbounded one would overflow.

    Arguments:
        max_log_scale: S, positive. The default lets one layer scale by up to exp(5) = 148.

    Reference:
        "Density Estimation using Real NVP", Dinh, Sohl-Dickstein, Bengio, 2017.
    """

    max_log_scale: float = eqx.field(static=True)
    num_params: int = eqx.field(static=True)

    def __init__(self, max_log_scale: float = 5.0):
        self.max_log_scale = max_log_scale
        self.num_params = 2

    def __check_init__(self) -> None:
        """Check the bound."""
        require(self.max_log_scale > 0, "max_log_scale", "positive", self.max_log_scale)

    def forward_and_log_derivative(
        self, z: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return exp(s) z + t and s."""
        log_scale = bounded(params[..., 1], self.max_log_scale)
        return z * jnp.exp(log_scale) + params[..., 0], log_scale

    def inverse_and_log_derivative(
        self, x: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return (x - t) exp(-s) and -s."""
        log_scale = bounded(params[..., 1], self.max_log_scale)
        return (x - params[..., 0]) * jnp.exp(-log_scale), -log_scale
