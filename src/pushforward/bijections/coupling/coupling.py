"""Coupling: one half of a vector sets the map of the other."""

from typing import final

import equinox as eqx
import jax.numpy as jnp

from ..._errors import require, require_count
from ..._types import Conditions, Events, Key, Scalars
from ...networks._layers import Activation
from ...networks.conditioners._base import AbstractConditioner
from ...networks.conditioners.mlp import MLP
from ...univariate._base import AbstractUnivariate
from .._base import AbstractBatchBijection


@final
class Coupling(AbstractBatchBijection):
    """Coupling: the first dim // 2 elements pass through and set the parameters of a map of the others.

        x_a = z_a,   x_b = u(z_b; params(z_a, condition)),   log|det| = Σ log u'

    Both directions cost one pass of the network. Put a `Permute` between couplings. For dim = 1 the
    parameters depend on the condition only.

    Arguments:
        key: for the network.
        univariate: u.
        dim: number of elements.
        cond_dim: elements of the condition, 0 for none.
        hidden, activation, residual: see `pushforward.networks.MLP`.

    Reference:
        "NICE: Non-linear Independent Components Estimation", Dinh, Krueger, Bengio, 2014.
    """

    conditioner: AbstractConditioner
    univariate: AbstractUnivariate
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        univariate: AbstractUnivariate,
        dim: int,
        *,
        cond_dim: int = 0,
        hidden: tuple[int, ...] = (128, 128),
        activation: Activation = "relu",
        residual: bool = False,
    ):
        require_count("dim", dim)
        self.conditioner = MLP(
            key,
            dim // 2,
            (dim - dim // 2, univariate.num_params),
            hidden=hidden,
            cond_dim=cond_dim,
            activation=activation,
            residual=residual,
        )
        self.univariate = univariate
        self.shape = (dim,)
        self.cond_shape = (cond_dim,) if cond_dim else None

    def __check_init__(self) -> None:
        """Check that the conditioner fits."""
        out = (self.shape[0] - self.conditioner.in_shape[0], self.univariate.num_params)
        require(
            self.conditioner.out_shape == out,
            "conditioner",
            f"of out_shape {out}",
            self.conditioner.out_shape,
        )

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        kept, moved = jnp.split(z, self.conditioner.in_shape)
        params = self.conditioner(kept, condition)
        moved, log_derivative = self.univariate.forward_and_log_derivative(moved, params)
        return jnp.concatenate([kept.astype(moved.dtype), moved]), log_derivative.sum(axis=0)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        kept, moved = jnp.split(x, self.conditioner.in_shape)
        params = self.conditioner(kept, condition)
        moved, log_derivative = self.univariate.inverse_and_log_derivative(moved, params)
        return jnp.concatenate([kept.astype(moved.dtype), moved]), log_derivative.sum(axis=0)
