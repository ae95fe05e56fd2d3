"""Residual multilayer perceptron of any subset of some parts."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._errors import require, require_count
from ..._types import Key
from ...numerics.products import precision
from .._layers import affine, initial_layers, zeros
from ._base import AbstractSubsetNetwork


@final
class SubsetMLP(AbstractSubsetNetwork):
    """Residual multilayer perceptron of the parts that are seen.

        h_0 = b + Σ_{i seen} (W_i f_i + w_i),  h_{k+1} = h_k + V_k silu(U_k norm(h_k) + c_k),  p_i = A_i norm(h_K) + a_i

    norm divides by the root mean square. A part is a column with its features f_i; w_i says that it is seen, so that
    a part of value zero differs from one not seen. The last layer starts at zero.

    Arguments:
        key: for the initial weights.
        num_features, num_params: of each part, positive; of equal length.
        width: units of each layer.
        depth: number of residual blocks.

    Raises:
        ValueError: if the numbers of parts differ.

    Reference:
        "Revisiting Deep Learning Models for Tabular Data", Gorishniy, Rubachev, Khrulkov, Babenko, 2021.
    """

    embed: tuple[Array, ...]
    bias: Array
    blocks: tuple[tuple[Array, Array, Array, Array], ...]
    heads: tuple[Array, ...]
    head_biases: tuple[Array, ...]
    num_features: tuple[int, ...] = eqx.field(static=True)
    num_params: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self, key: Key, num_features: Sequence[int], num_params: Sequence[int], *, width: int = 256, depth: int = 3
    ):
        self.num_features = tuple(require_count("num_features", n) for n in num_features)
        self.num_params = tuple(require_count("num_params", n) for n in num_params)
        parts = len(self.num_features)
        require(parts == len(self.num_params), "num_params", f"of {parts} parts, as `num_features`", self.num_params)
        width, depth = require_count("width", width), require_count("depth", depth)
        sizes = [n + 1 for n in self.num_features]
        square = np.ones((width, width), bool)
        weights, biases = initial_layers(key, [np.ones((width, sum(sizes)), bool), *(square for _ in range(2 * depth))])
        # One feature of a part is of order one, most others are zero: the sum over parts should be of order one.
        spread = np.sqrt(sum(sizes) / max(parts, 1))
        self.embed = tuple(jax.device_put(spread * part) for part in np.split(weights[0], np.cumsum(sizes)[:-1], 1))
        self.bias = biases[0]
        inner = zip(weights[1::2], biases[1::2], weights[2::2], biases[2::2], strict=True)
        self.blocks = tuple((2 * u, c, v / np.sqrt(depth), zeros(width)) for u, c, v, _ in inner)
        self.heads = tuple(zeros((n, width)) for n in self.num_params)
        self.head_biases = tuple(zeros(n) for n in self.num_params)

    def __call__(
        self, features: Sequence[Float[Array, "_ n"]], seen: Bool[Array, "parts n"]
    ) -> tuple[Float[Array, "_ n"], ...]:
        """Return the parameters of every part."""
        read = self.read(self.start(features, seen))
        last = affine(jnp.concatenate(self.heads), jnp.concatenate(self.head_biases), read)
        return tuple(jnp.split(last, np.cumsum(self.num_params)[:-1]))

    def start(self, features: Sequence[Float[Array, "_ n"]], seen: Bool[Array, "parts n"]) -> Float[Array, "width n"]:
        """Return the state of n events of which some parts are seen."""
        rows = [_with_mark(f, s) for f, s in zip(features, seen, strict=True)]
        return affine(jnp.concatenate(self.embed, 1), self.bias, jnp.concatenate(rows))

    def see(
        self,
        state: Float[Array, "width n"],
        parts: tuple[int, ...],
        which: Int[Array, ""],
        features: Float[Array, "_ n"],
        where: Bool[Array, " n"],
    ) -> Float[Array, "width n"]:
        """Return the state after a part is seen in some events."""
        embed = _one_of([self.embed[part] for part in parts], which)
        return state + jnp.tensordot(embed, _with_mark(features, where), 1, precision=precision())

    def read(self, state: Float[Array, "width n"]) -> Float[Array, "width n"]:
        """Return what the last layer sees."""
        h = state
        for u, c, v, e in self.blocks:
            h = h + affine(v, e, jax.nn.silu(affine(u, c, _normalized(h))))
        return _normalized(h)

    def params_of(
        self, read: Float[Array, "width n"], parts: tuple[int, ...], which: Int[Array, ""]
    ) -> Float[Array, "p n"]:
        """Return the parameters of one part."""
        weights = _one_of([self.heads[part] for part in parts], which)
        return affine(weights, _one_of([self.head_biases[part] for part in parts], which), read)


def _one_of(arrays: list[Array], which: Array) -> Array:
    return arrays[0] if len(arrays) == 1 else jnp.stack(arrays)[which]


def _with_mark(features: Array, seen: Array) -> Array:
    """Return the features, and a one, of the events that have seen the part; zeros of the others."""
    return jnp.where(seen, jnp.concatenate([features, jnp.ones_like(features[:1])]), 0)


def _normalized(h: Array) -> Array:
    """Divide by the root mean square over units, by a product: XLA's sums over them are slow on CPU."""
    weights = jnp.full(len(h), 1 / len(h), h.dtype)
    return h * jax.lax.rsqrt(jnp.tensordot(weights, h * h, 1, precision=precision()) + 1e-6)
