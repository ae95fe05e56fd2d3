"""Masked multilayer perceptron, parallel and incremental."""

import math
from itertools import pairwise
from typing import Any, NamedTuple, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.lax import dynamic_index_in_dim, dynamic_slice_in_dim, dynamic_update_slice_in_dim
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

from ..._errors import require, require_count
from ..._types import Condition, Key
from ...numerics.masks import hidden_degrees, hidden_mask, input_mask, output_mask, window_starts
from ...numerics.products import precision
from ...numerics.safe import compress_tails
from .._layers import ACTIVATIONS, Activation, affine, checked_settings, initial_layers, with_condition, zeros
from ._base import AbstractAutoregressiveConditioner, AbstractDense

#: All steps form one block for at most `ONE_BLOCK` elements, or at most `ONE_BLOCK_EACH` per parameter: writing and
#: reading the sums of the parameters would then cost more than blocks save.
ONE_BLOCK, ONE_BLOCK_EACH = 32, 4


class _Known(NamedTuple):
    """The inputs, which are the elements known so far (in order, zero if unknown) and the condition, and all units."""

    inputs: Array
    units: tuple[Array, ...]


class _Block(NamedTuple):
    """The state within a block of steps.

    Attributes:
        known: inputs and units before the block.
        number: of the block.
        inputs, units: the rows of the inputs and units in `known` that change in this block.
        weights: of each layer, between these rows; of the last, to the parameters (num_params, steps, inputs).
        sums: the other terms of units and parameters: biases, the condition, and all elements before the block.
    """

    known: _Known
    number: int | Int[Array, ""]
    inputs: Array
    units: tuple[Array, ...]
    weights: tuple[Array, ...]
    sums: tuple[Array, ...]


class _Window(NamedTuple):
    """Windows of `size` rows of an array, one window for each start."""

    starts: NDArray[np.int64]
    size: int

    def at(self, which: int | Int[Array, ""]) -> Int[Array, ""]:
        return jnp.asarray(self.starts)[which]

    def of(self, a: Array | NDArray[Any], which: int | Int[Array, ""], axis: int = 0) -> Array:
        return dynamic_slice_in_dim(jnp.asarray(a), self.at(which), self.size, axis)


@final
class MaskedMLP(AbstractAutoregressiveConditioner, AbstractDense):
    """Masked multilayer perceptron: row `order[i]` of the parameters depends on x[order[:i]] and the condition.

    Every hidden unit has a degree g and sees the first g elements in order; the parameters of step i see
    units of degree <= i. Units are sorted by degree, so that the units that a new element completes form one window of
    each layer. The incremental form computes this window only, so the `dim` steps together compute each unit once, as
    one parallel pass does. Many steps run in blocks of about sqrt(dim): one matrix product per block adds all terms
    from before the block, and each step reads the units of its block only; reading all units in every step would take
    most of the time. The last layer starts at zero. The network sees inputs beyond ±5 as ±5 (1 + log(|x| / 5)), so that
    one wrong, extreme number does not distort the parameters.

    Arguments:
        key: for the initial weights.
        dim: number of elements.
        num_params: parameters per element.
        hidden: width of each hidden layer; widths may differ.
        cond_dim: elements of the condition, 0 for none. With a condition some units have degree 0.
        order: the element that each step generates; 0, 1, ..., dim - 1 by default.
        activation: "relu", "gelu", "silu" or "tanh".
        residual: whether to add its input to each hidden layer that is as wide as the layer before it.

    Reference:
        "MADE: Masked Autoencoder for Distribution Estimation", Germain, Gregor, Murray, Larochelle, 2015.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    dim: int = eqx.field(static=True)
    token: tuple[int, ...] = eqx.field(static=True)
    num_params: int = eqx.field(static=True)
    cond_dim: int = eqx.field(static=True)
    order: tuple[int, ...] = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)
    residual: bool = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        dim: int,
        num_params: int,
        *,
        hidden: tuple[int, ...] = (128, 128),
        cond_dim: int = 0,
        order: tuple[int, ...] | None = None,
        activation: Activation = "relu",
        residual: bool = False,
    ):
        dim = require_count("dim", dim)
        num_params = require_count("num_params", num_params)
        hidden, cond_dim = checked_settings(hidden, cond_dim, activation)
        order = tuple(range(dim)) if order is None else tuple(int(i) for i in order)
        require(sorted(order) == list(range(dim)), "order", f"a permutation of 0, ..., {dim - 1}", order)
        self.dim = dim
        self.token = ()
        self.num_params = num_params
        self.cond_dim = cond_dim
        self.order = order
        self.activation = activation
        self.residual = residual
        masks = _masks(dim, num_params, cond_dim, hidden)
        weights, biases = initial_layers(key, masks[:-1])
        self.weights = (*weights, zeros(masks[-1].shape))
        self.biases = (*biases, zeros(len(masks[-1])))

    @property
    def hidden(self) -> tuple[int, ...]:
        """The width of each hidden layer."""
        return tuple(b.shape[-1] for b in self.biases[:-1])

    def __call__(self, x: Float[Array, "dim *batch"], condition: Condition = None) -> Float[Array, "dim *batch p"]:
        """Return all parameters, shape (dim, *batch, num_params)."""
        order = np.array(self.order)
        natural = self.order == tuple(range(self.dim))
        activate = ACTIVATIONS[self.activation]
        masks = _masks(self.dim, self.num_params, self.cond_dim, self.hidden)
        h = compress_tails(with_condition(x if natural else x[order], condition))
        for i, (w, b, mask) in enumerate(zip(self.weights[:-1], self.biases[:-1], masks[:-1], strict=True)):
            new = activate(affine(w * mask, b, h))
            h = h + new if self._skips(i) else new
        params = affine(self.weights[-1] * masks[-1], self.biases[-1], h)
        params = jnp.moveaxis(params.reshape((self.num_params, self.dim, *x.shape[1:])), 0, -1)
        return params if natural else params[np.argsort(order)]

    @property
    def block(self) -> int:
        """The number of steps in a block."""
        few = self.dim <= max(ONE_BLOCK, ONE_BLOCK_EACH * self.num_params)
        blocks = 1 if few else math.isqrt(self.dim)
        return math.ceil(self.dim / blocks)

    def start(self, condition: Condition = None, batch: tuple[int, ...] = ()) -> _Known:
        """Return the state before the first step."""
        unknown = jnp.zeros((self.dim, *batch), self.weights[0].dtype)
        inputs = compress_tails(with_condition(unknown, condition))
        return _Known(inputs, tuple(jnp.zeros((len(b), *batch), b.dtype) for b in self.biases[:-1]))

    def enter(self, known: _Known, number: int | Int[Array, ""]) -> _Block:
        """Begin block `number`."""
        spans, one_block = self._spans, self.block == self.dim
        batch = known.inputs.ndim - 1
        before = (known.inputs, *known.units)
        weights, sums = [], []
        masks = _masks(self.dim, self.num_params, self.cond_dim, self.hidden)
        for i, (w, b, mask) in enumerate(zip(self.weights, self.biases, masks, strict=True)):
            last = i == len(self.hidden)
            # The last layer has a row for each element, parameter by parameter.
            shape = (self.num_params, self.dim) if last else (len(b),)
            rows = spans[0 if last else i + 1]
            w, b, mask = (rows.of(a.reshape((*shape, *a.shape[1:])), number, len(shape) - 1) for a in (w, b, mask))
            total = b.reshape(b.shape + (1,) * batch)
            if one_block:
                weights.append(w * mask)
            else:
                fresh = jnp.asarray(self._degrees[i]) >= number * self.block
                weights.append(spans[i].of(w * (mask & fresh), number, w.ndim - 1))
                total = total + jnp.tensordot(w * (mask & ~fresh), before[i], 1, precision=precision())
            sums.append(total)
        # A single block has all rows, the condition included.
        inputs, *units = before if one_block else (span.of(a, number) for span, a in zip(spans, before, strict=True))
        return _Block(known, number, inputs, tuple(units), tuple(weights), tuple(sums))

    def params_at(self, block: _Block, i: int | Int[Array, ""]) -> tuple[Float[Array, "*batch p"], _Block]:
        """Return the parameters of element `order[i]`, and the block with the units of step i.

        All windows have the size of the largest, so a window may also cover units of the next degrees. Their values are
        not yet final: masks hide them from every reader, and a later step computes them again.
        """
        activate = ACTIVATIONS[self.activation]
        below, units = block.inputs, []
        for k, (old, window) in enumerate(zip(block.units, self._windows, strict=True)):
            w, total = window.of(block.weights[k], i), block.sums[k]
            new = activate(jnp.tensordot(w, below, 1, precision=precision()) + window.of(total, i))
            if self._skips(k):
                new = new + window.of(below, i)
            below = dynamic_update_slice_in_dim(old, new.astype(old.dtype), window.at(i), 0)
            units.append(below)
        row = i - self._spans[0].at(block.number)
        w, total = (dynamic_index_in_dim(a, row, 1, keepdims=False) for a in (block.weights[-1], block.sums[-1]))
        params = jnp.tensordot(w, below, 1, precision=precision()) + total
        return jnp.moveaxis(params, 0, -1), block._replace(units=tuple(units))

    def advance(self, block: _Block, i: int | Int[Array, ""], x_i: Float[Array, "*batch"]) -> _Block:
        """Return the block after element `order[i]` has received the value `x_i`."""
        row = i - self._spans[0].at(block.number)
        new = compress_tails(x_i[None]).astype(block.inputs.dtype)
        return block._replace(inputs=dynamic_update_slice_in_dim(block.inputs, new, row, 0))

    def leave(self, block: _Block) -> _Known:
        """Return the state after the block."""
        inputs, *units = (
            dynamic_update_slice_in_dim(old, new, span.at(block.number), 0)
            for span, old, new in zip(
                self._spans, (block.known.inputs, *block.known.units), (block.inputs, *block.units), strict=True
            )
        )
        return _Known(inputs, tuple(units))

    @property
    def _degrees(self) -> list[NDArray[np.int64]]:
        """The step at which each input of each layer becomes known; -1 for the condition, which is known before."""
        condition = np.full(self.cond_dim, -1)
        return [np.concatenate([np.arange(self.dim), condition]), *(self._degrees_of(n) for n in self.hidden)]

    def _degrees_of(self, width: int) -> NDArray[np.int64]:
        return hidden_degrees(width, self.dim, 0 if self.cond_dim else 1)

    @property
    def _spans(self) -> list[_Window]:
        """The elements, and the units of each hidden layer, that become known in each block."""
        every = [np.arange(self.dim), *map(self._degrees_of, self.hidden)]
        return [_Window(*window_starts(degrees, self.dim, self.block)) for degrees in every]

    @property
    def _windows(self) -> list[_Window]:
        """The units of each hidden layer that become known in each step, counted from the first of its block."""
        windows = []
        for width, span in zip(self.hidden, self._spans[1:], strict=True):
            starts, size = window_starts(self._degrees_of(width), self.dim)
            within = starts - np.repeat(span.starts, self.block)[: self.dim]
            windows.append(_Window(np.minimum(within, span.size - size), size))
        return windows

    def _skips(self, layer: int) -> bool:
        return self.residual and layer > 0 and self.hidden[layer] == self.hidden[layer - 1]


def _masks(dim: int, num_params: int, cond_dim: int, hidden: tuple[int, ...]) -> list[NDArray[np.bool_]]:
    """Return the mask of each layer; every unit of the first layer sees the condition."""
    degrees = [hidden_degrees(width, dim, 0 if cond_dim else 1) for width in hidden]
    first = input_mask(degrees[0], dim)
    every = np.ones((hidden[0], cond_dim), bool)
    inner = [hidden_mask(b, a) for a, b in pairwise(degrees)]
    return [np.hstack([first, every]), *inner, output_mask(dim, num_params, degrees[-1])]
