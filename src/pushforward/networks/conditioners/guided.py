"""Classifier-free guidance."""

import math
from typing import NamedTuple, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..._errors import require
from ..._types import Condition
from ._base import AbstractAutoregressiveConditioner, State


class _Both(NamedTuple):
    """The states of the network with and without the condition."""

    with_condition: State
    without: State


@final
class Guided(AbstractAutoregressiveConditioner):
    """Guidance: moves the parameters away from the parameters without the condition.

        params = params(x, condition) + w (params(x, condition) - params(x, 0))

    A condition of zeros stands for no condition; the network must have seen it in training, see `drop_condition` of
    `pushforward.fit`. The result is autoregressive again, so the guided flow has an exact density of its own, sharper
    than the learned density.

    Arguments:
        conditioner: the network, conditional.
        weight: w; 0 leaves the network as it is.

    Reference:
        "Classifier-Free Diffusion Guidance", Ho, Salimans, 2022; "Normalizing Flows are Capable Generative Models",
        Zhai et al., 2024, for flows.
    """

    conditioner: AbstractAutoregressiveConditioner
    weight: float = eqx.field(static=True)
    dim: int = eqx.field(static=True)
    token: tuple[int, ...] = eqx.field(static=True)
    num_params: int = eqx.field(static=True)
    cond_dim: int = eqx.field(static=True)
    order: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, conditioner: AbstractAutoregressiveConditioner, weight: float):
        self.conditioner = conditioner
        self.weight = float(weight)
        self.dim = conditioner.dim
        self.token = conditioner.token
        self.num_params = conditioner.num_params
        self.cond_dim = conditioner.cond_dim
        self.order = conditioner.order

    def __check_init__(self) -> None:
        """Check the weight, and that there is a condition."""
        require(math.isfinite(self.weight), "weight", "finite", self.weight)
        remedy = "Guidance is towards a condition: build the network with `cond_dim`."
        require(self.conditioner.cond_dim > 0, "conditioner", "conditional", self.conditioner.cond_dim, remedy)

    @property
    def block(self) -> int:
        """The number of steps in a block."""
        return self.conditioner.block

    def __call__(self, x: Float[Array, "dim ..."], condition: Condition = None) -> Float[Array, "dim ... p"]:
        """Return all parameters, shape (dim, *token, *batch, num_params)."""
        return self._mixed(self.conditioner(x, condition), self.conditioner(x, _nothing(condition)))

    def start(self, condition: Condition = None, batch: tuple[int, ...] = ()) -> _Both:
        """Return the states before the first block."""
        start = self.conditioner.start
        return _Both(start(condition, batch), start(_nothing(condition), batch))

    def enter(self, known: _Both, number: int | Int[Array, ""]) -> _Both:
        """Return the states before the first step of block `number`."""
        return _Both(*(self.conditioner.enter(state, number) for state in known))

    def params_at(self, block: _Both, i: int | Int[Array, ""]) -> tuple[Float[Array, "... p"], _Both]:
        """Return the parameters of element `order[i]` and the new states."""
        (params, one), (plain, other) = (self.conditioner.params_at(state, i) for state in block)
        return self._mixed(params, plain), _Both(one, other)

    def advance(self, block: _Both, i: int | Int[Array, ""], x_i: Float[Array, "..."]) -> _Both:
        """Return the states after element `order[i]` has received the value `x_i`."""
        return _Both(*(self.conditioner.advance(state, i, x_i) for state in block))

    def leave(self, block: _Both) -> _Both:
        """Return the states after a block."""
        return _Both(*(self.conditioner.leave(state) for state in block))

    def _mixed(self, params: Array, plain: Array) -> Array:
        return params + self.weight * (params - plain)


def _nothing(condition: Condition) -> Condition:
    return None if condition is None else jnp.zeros_like(condition)
