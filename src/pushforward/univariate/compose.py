"""Composition of univariate maps."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import require
from ._base import AbstractUnivariate


@final
class Compose(AbstractUnivariate):
    """Composition of univariate maps, in order from base to data: u(z) = u_n(... u_1(z)).

    An element has the parameters of u_1, then the parameters of u_2, and so on.

    Arguments:
        maps: u_1, ..., u_n, at least one.
    """

    maps: tuple[AbstractUnivariate, ...]
    num_params: int = eqx.field(static=True)

    def __init__(self, maps: Sequence[AbstractUnivariate]):
        self.maps = tuple(maps)
        require(len(self.maps) > 0, "maps", "at least one univariate map", self.maps)
        self.num_params = sum(u.num_params for u in self.maps)

    def forward_and_log_derivative(
        self, z: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return u(z) and log u'(z)."""
        total = jnp.zeros_like(z)
        for u, part in zip(self.maps, self._split(params), strict=True):
            z, log_derivative = u.forward_and_log_derivative(z, part)
            total = total + log_derivative
        return z, total

    def inverse_and_log_derivative(
        self, x: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return u⁻¹(x) and log (u⁻¹)'(x)."""
        total = jnp.zeros_like(x)
        for u, part in reversed(list(zip(self.maps, self._split(params), strict=True))):
            x, log_derivative = u.inverse_and_log_derivative(x, part)
            total = total + log_derivative
        return x, total

    def _split(self, params: Array) -> list[Array]:
        ends = [sum(u.num_params for u in self.maps[: i + 1]) for i in range(len(self.maps) - 1)]
        return jnp.split(params, ends, axis=-1)
