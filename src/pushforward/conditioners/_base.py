"""The contracts of the networks that give a map its parameters."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Int

from .._types import Condition

#: What an autoregressive conditioner remembers between two steps: any pytree of arrays.
State = Any


class AbstractConditioner(eqx.Module):
    """A network (x, condition) -> params of `out_shape` = (elements, parameters per element).

    Batch axes come last in what goes in and stand between the two axes of what comes out.
    """

    in_size: eqx.AbstractVar[int]
    out_shape: eqx.AbstractVar[tuple[int, int]]
    cond_dim: eqx.AbstractVar[int]

    @abstractmethod
    def __call__(self, x: Float[Array, "in_size *batch"], condition: Condition = None) -> Float[Array, "n *batch p"]:
        """Return the parameters.

        Arguments:
            x: shape (in_size, *batch).
            condition: shape (cond_dim, *batch), or None where `cond_dim` is 0.
        """


class AbstractAutoregressiveConditioner(eqx.Module):
    """A network whose i-th row of parameters depends on the elements before i only.

    "Before" is meant in `order`: `order[i]` is the element that step i generates. It has two forms that
    give the same numbers. The parallel one, `__call__`, needs all of x and returns all parameters at once
    (density of given data). The incremental one, `start`, `params_at`, `advance`, learns one element at
    a time (sampling), and its `dim` steps together cost about one parallel pass, not `dim` of them. Batch axes are
    as in `AbstractConditioner`.
    """

    dim: eqx.AbstractVar[int]
    num_params: eqx.AbstractVar[int]
    cond_dim: eqx.AbstractVar[int]
    order: eqx.AbstractVar[tuple[int, ...]]

    @abstractmethod
    def __call__(self, x: Float[Array, "dim *batch"], condition: Condition = None) -> Float[Array, "dim *batch p"]:
        """Return all parameters, shape (dim, *batch, num_params); row `order[i]` depends on x[order[:i]] only."""

    @abstractmethod
    def start(self, condition: Condition = None, batch: tuple[int, ...] = ()) -> State:
        """Return the state in which no element is known, of batch axes `batch`."""

    @abstractmethod
    def params_at(self, state: State, i: int | Int[Array, ""]) -> Float[Array, "*batch p"]:
        """Return the parameters of element `order[i]`, given that steps 0 to i - 1 have been taken."""

    @abstractmethod
    def advance(self, state: State, i: int | Int[Array, ""], x_i: Float[Array, "*batch"]) -> State:
        """Return the state after element `order[i]` has become known to be `x_i`."""
