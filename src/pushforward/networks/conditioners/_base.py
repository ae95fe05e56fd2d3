"""The contracts of the networks that give a map its parameters."""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..._types import Condition

#: The state of an autoregressive conditioner between two steps: any pytree of arrays.
State = Any


class AbstractConditioner(eqx.Module):
    """A network (x, condition) -> params of `out_shape` = (*elements, parameters per element).

    Batch axes are the last axes of the inputs, and come before the last axis of the result.
    """

    in_shape: eqx.AbstractVar[tuple[int, ...]]
    out_shape: eqx.AbstractVar[tuple[int, ...]]
    cond_dim: eqx.AbstractVar[int]

    @abstractmethod
    def __call__(self, x: Float[Array, "..."], condition: Condition = None) -> Float[Array, "... p"]:
        """Return the parameters, shape (*out_shape[:-1], *batch, out_shape[-1]).

        Arguments:
            x: shape (*in_shape, *batch).
            condition: shape (cond_dim, *batch), or None where `cond_dim` is 0.
        """


class AbstractDense(eqx.Module):
    """A network whose first layer multiplies the elements of its input, and of its condition, by weights.

    Attributes:
        weights: of each layer, (units, inputs).
    """

    weights: eqx.AbstractVar[tuple[Array, ...]]


class AbstractAutoregressiveConditioner(eqx.Module):
    """A network whose i-th row of parameters depends on the elements before i only.

    An element is a number, or a token: an array of shape `token` that one step generates as a whole. "Before" refers to
    `order`: step i generates element `order[i]`. The network has two forms that give the same numbers. The parallel
    form, `__call__`, takes all of x and returns all parameters at once (density of given data). The incremental form
    receives one element at a time (sampling), and its `dim` steps together cost about one parallel pass. `run` takes
    these steps in blocks of `block` steps, of which the last may be shorter. For each block it calls `enter`, then
    `params_at` and `advance` for each step, then `leave`. Batch axes are as in `AbstractConditioner`.
    """

    dim: eqx.AbstractVar[int]
    token: eqx.AbstractVar[tuple[int, ...]]
    num_params: eqx.AbstractVar[int]
    cond_dim: eqx.AbstractVar[int]
    order: eqx.AbstractVar[tuple[int, ...]]

    @abstractmethod
    def __call__(self, x: Float[Array, "dim ..."], condition: Condition = None) -> Float[Array, "dim ... p"]:
        """Return all parameters, (dim, *token, *batch, num_params); row `order[i]` depends on x[order[:i]] only."""

    @property
    @abstractmethod
    def block(self) -> int:
        """The number of steps in a block."""

    @abstractmethod
    def start(self, condition: Condition = None, batch: tuple[int, ...] = ()) -> State:
        """Return the state before the first block, for batch axes `batch`."""

    @abstractmethod
    def enter(self, known: State, number: int | Int[Array, ""]) -> State:
        """Return the state before the first step of block `number`, given the state after the blocks before it."""

    @abstractmethod
    def params_at(self, block: State, i: int | Int[Array, ""]) -> tuple[Float[Array, "... p"], State]:
        """Return the parameters of element `order[i]` and the new state, after all earlier steps."""

    @abstractmethod
    def advance(self, block: State, i: int | Int[Array, ""], x_i: Float[Array, "..."]) -> State:
        """Return the state after element `order[i]` has received the value `x_i`."""

    @abstractmethod
    def leave(self, block: State) -> State:
        """Return the state after a block."""

    def run(
        self,
        draw: Callable[[Array, Array], tuple[Array, Any]],
        given: Float[Array, "dim ..."],
        condition: Condition = None,
    ) -> tuple[Float[Array, "dim ..."], Any]:
        """Take all steps; step i computes `x_i, result = draw(params, given[i])`.

        Returns:
            x and the results of the steps, in the order of the steps along the first axis.
        """

        def step(state: State, at: tuple[Array, Array]) -> tuple[State, tuple[Array, Any]]:
            i, given_i = at
            params, state = self.params_at(state, i)
            x_i, result = draw(params, given_i)
            return self.advance(state, i, x_i), (x_i, result)

        def block(known: State, at: tuple[Array, Array]) -> tuple[State, tuple[Array, Any]]:
            number, given = at
            steps = number * self.block + jnp.arange(self.block)
            state, results = jax.lax.scan(step, self.enter(known, number), (steps, given))
            return self.leave(state), results

        known = self.start(condition, given.shape[1 + len(self.token) :])
        blocks = math.ceil(self.dim / self.block)
        if blocks == 1:
            return block(known, (jnp.zeros((), int), given))[1]
        # The last block may have steps beyond the last element, whose results are dropped.
        rest = jnp.zeros((blocks * self.block - self.dim, *given.shape[1:]), given.dtype)
        filled = jnp.concatenate([given, rest]).reshape((blocks, self.block, *given.shape[1:]))
        results = jax.lax.scan(block, known, (jnp.arange(blocks), filled))[1]
        return jax.tree.map(lambda a: a.reshape((-1, *a.shape[2:]))[: self.dim], results)
