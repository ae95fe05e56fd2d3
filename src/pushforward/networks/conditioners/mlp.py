"""Multilayer perceptron."""

from itertools import pairwise
from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._errors import require_count
from ..._types import Condition, Key
from ...numerics.safe import compress_tails
from .._layers import ACTIVATIONS, Activation, affine, checked_settings, initial_layers, with_condition, zeros
from ._base import AbstractConditioner, AbstractDense


@final
class MLP(AbstractConditioner, AbstractDense):
    """Multilayer perceptron of (x, condition), whose last layer starts at zero.

    The network sees inputs beyond ±5 as ±5 (1 + log(|x| / 5)), so that one wrong, extreme number does not distort the
    parameters.

    Arguments:
        key: for the initial weights.
        in_size: elements of x; if 0, the parameters depend on the condition only.
        out_shape: (elements, parameters per element).
        hidden: width of each hidden layer.
        cond_dim: elements of the condition, 0 for none.
        activation: "relu", "gelu", "silu" or "tanh".
        residual: whether to add its input to each hidden layer that is as wide as the layer before it.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    in_shape: tuple[int, ...] = eqx.field(static=True)
    out_shape: tuple[int, ...] = eqx.field(static=True)
    cond_dim: int = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)
    residual: bool = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        in_size: int,
        out_shape: tuple[int, int],
        *,
        hidden: tuple[int, ...] = (128, 128),
        cond_dim: int = 0,
        activation: Activation = "relu",
        residual: bool = False,
    ):
        in_size = require_count("in_size", in_size, 0)
        elements, num_params = (require_count("out_shape", size) for size in out_shape)
        hidden, cond_dim = checked_settings(hidden, cond_dim, activation)
        widths = (in_size + cond_dim, *hidden)
        last = elements * num_params
        masks = [np.ones((above, below), bool) for below, above in pairwise(widths)]
        weights, biases = initial_layers(key, masks)
        self.weights = (*weights, zeros((last, hidden[-1])))
        self.biases = (*biases, zeros(last))
        self.in_shape = (in_size,)
        self.out_shape = (elements, num_params)
        self.cond_dim = cond_dim
        self.activation = activation
        self.residual = residual

    def __call__(self, x: Float[Array, "in_size *batch"], condition: Condition = None) -> Float[Array, "n *batch p"]:
        """Return the parameters, shape (elements, *batch, parameters per element)."""
        activate = ACTIVATIONS[self.activation]
        h = compress_tails(with_condition(x, condition))
        for i, (w, b) in enumerate(zip(self.weights[:-1], self.biases[:-1], strict=True)):
            new = activate(affine(w, b, h))
            h = h + new if self.residual and i > 0 and new.shape == h.shape else new
        params = affine(self.weights[-1], self.biases[-1], h)
        elements, num_params = self.out_shape
        return jnp.moveaxis(params.reshape((num_params, elements, *x.shape[1:])), 0, -1)
