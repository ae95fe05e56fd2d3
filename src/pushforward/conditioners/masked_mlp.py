"""Masked multilayer perceptron, parallel and incremental."""

from itertools import pairwise
from typing import NamedTuple, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.lax import dynamic_index_in_dim, dynamic_slice_in_dim, dynamic_update_slice_in_dim
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

from .._errors import require, require_count
from .._types import Condition, Key
from ..numerics.masks import block_starts, hidden_degrees, hidden_mask, input_mask, output_mask
from ._base import AbstractAutoregressiveConditioner
from ._layers import ACTIVATIONS, Activation, affine, checked_settings, initial_layers, seen, zeros


class _Known(NamedTuple):
    """What the network sees of the elements known so far (in order, zero if unknown) and the condition; all units."""

    inputs: Array
    units: tuple[Array, ...]


@final
class MaskedMLP(AbstractAutoregressiveConditioner):
    """Masked multilayer perceptron: row `order[i]` of the parameters depends on x[order[:i]] and the condition.

    Every hidden unit has a degree g and sees the first g elements in order; the parameters of step i see
    units of degree <= i. Units are sorted by degree, so that those that become final when an element
    becomes known are one block of each layer. The incremental form computes that block and nothing else: the
    `dim` steps together compute each unit once, as one parallel pass does. The last layer starts at zero. Inputs
    beyond ±5 are seen as ±5 (1 + log(|x| / 5)), so that a wrong cell, far out, does not throw the parameters.

    Arguments:
        key: for the initial weights.
        dim: number of elements.
        num_params: parameters per element.
        hidden: width of each hidden layer, any widths.
        cond_dim: elements of the condition, 0 for none. With a condition there are units of degree 0.
        order: the element that each step generates; 0, 1, ..., dim - 1 by default.
        activation: "relu", "gelu", "silu" or "tanh".
        residual: add its input to each hidden layer that is as wide as the one before it.

    Reference:
        "MADE: Masked Autoencoder for Distribution Estimation", Germain, Gregor, Murray, Larochelle, 2015.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    dim: int = eqx.field(static=True)
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
        require_count("dim", dim)
        require_count("num_params", num_params)
        hidden = checked_settings(hidden, cond_dim, activation)
        order = tuple(range(dim)) if order is None else tuple(order)
        require(sorted(order) == list(range(dim)), "order", f"a permutation of 0, ..., {dim - 1}", order)
        self.dim = dim
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
        h = seen(x if natural else x[order], condition)
        for i, (w, b, mask) in enumerate(zip(self.weights[:-1], self.biases[:-1], masks[:-1], strict=True)):
            new = activate(affine(w * mask, b, h))
            h = h + new if self._skips(i) else new
        params = affine(self.weights[-1] * masks[-1], self.biases[-1], h)
        params = jnp.moveaxis(params.reshape((self.num_params, self.dim, *x.shape[1:])), 0, -1)
        return params if natural else params[np.argsort(order)]

    def start(self, condition: Condition = None, batch: tuple[int, ...] = ()) -> _Known:
        """Return the state in which no element is known."""
        inputs = seen(jnp.zeros((self.dim, *batch), self.weights[0].dtype), condition)
        units = tuple(jnp.zeros((len(b), *batch), b.dtype) for b in self.biases[:-1])
        state = _Known(inputs, units)
        # Without a condition there is no unit of degree 0, unless there is but one element.
        return self._compute(state, 0) if self.cond_dim or self.dim == 1 else state

    def params_at(self, state: _Known, i: int | Int[Array, ""]) -> Float[Array, "*batch p"]:
        """Return the parameters of element `order[i]`."""
        weights = self.weights[-1].reshape((self.num_params, self.dim, -1))
        biases = self.biases[-1].reshape((self.num_params, self.dim))
        mask = hidden_degrees(self.hidden[-1], self.dim, self._lowest) <= i
        w = dynamic_index_in_dim(weights, i, axis=1, keepdims=False) * mask
        return jnp.moveaxis(affine(w, dynamic_index_in_dim(biases, i, axis=1, keepdims=False), state.units[-1]), 0, -1)

    def advance(self, state: _Known, i: int | Int[Array, ""], x_i: Float[Array, "*batch"]) -> _Known:
        """Return the state after element `order[i]` has become known to be `x_i`."""
        inputs = dynamic_update_slice_in_dim(state.inputs, seen(x_i[None]).astype(state.inputs.dtype), i, 0)
        # After the last element no unit is left to compute; units of degree dim - 1 are computed once more.
        return self._compute(_Known(inputs, state.units), jnp.minimum(i + 1, self.dim - 1))

    def _compute(self, state: _Known, degree: int | Int[Array, ""]) -> _Known:
        """Compute, layer by layer, the units of `degree`.

        The window has the size of the largest block, so it may also cover units of the next degree, whose
        values are not final, are masked for every reader until they are, and are computed again in their turn.
        """
        activate = ACTIVATIONS[self.activation]
        masks = _masks(self.dim, self.num_params, self.cond_dim, self.hidden)
        below, units = state.inputs, []
        for i, (w, b, old) in enumerate(zip(self.weights[:-1], self.biases[:-1], state.units, strict=True)):
            starts, size = block_starts(hidden_degrees(len(b), self.dim, self._lowest), self.dim)
            at = jnp.asarray(starts)[degree]
            mask = dynamic_slice_in_dim(jnp.asarray(masks[i]), at, size)
            new = affine(dynamic_slice_in_dim(w, at, size) * mask, dynamic_slice_in_dim(b, at, size), below)
            new = activate(new)
            if self._skips(i):
                new = new + dynamic_slice_in_dim(below, at, size)
            below = dynamic_update_slice_in_dim(old, new.astype(old.dtype), at, 0)
            units.append(below)
        return _Known(state.inputs, tuple(units))

    def _skips(self, layer: int) -> bool:
        return self.residual and layer > 0 and self.hidden[layer] == self.hidden[layer - 1]

    @property
    def _lowest(self) -> int:
        return 0 if self.cond_dim else 1


def _masks(dim: int, num_params: int, cond_dim: int, hidden: tuple[int, ...]) -> list[NDArray[np.bool_]]:
    """Return the mask of each layer; the condition is seen by every unit of the first."""
    degrees = [hidden_degrees(width, dim, 0 if cond_dim else 1) for width in hidden]
    first = input_mask(degrees[0], dim)
    every = np.ones((hidden[0], cond_dim), bool)
    inner = [hidden_mask(b, a) for a, b in pairwise(degrees)]
    return [np.hstack([first, every]), *inner, output_mask(dim, num_params, degrees[-1])]
