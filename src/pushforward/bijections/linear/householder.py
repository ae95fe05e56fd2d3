"""Orthogonal map as a product of reflections."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..._errors import require_count
from ..._types import Condition, Event, Key, Scalar
from ...numerics.products import precision
from .._base import AbstractBijection


@final
class Householder(AbstractBijection):
    """Orthogonal map, the product of reflections H_n ... H_1, H_k = I - 2 v_k v_kᵀ / |v_k|², with log-determinant 0.

    Products of `dim` reflections reach every orthogonal matrix of determinant (-1)^dim. H_k is the identity if v_k is
    zero.

    Arguments:
        key: for the initial vectors.
        dim: number of elements.
        reflections: number of reflections; `dim` by default.

    Reference:
        "Improving Variational Auto-Encoders using Householder Flow", Tomczak, Welling, 2016.
    """

    vectors: Array
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, key: Key, dim: int, reflections: int | None = None):
        dim = require_count("dim", dim)
        reflections = require_count("reflections", dim if reflections is None else reflections)
        self.vectors = jax.random.normal(key, (reflections, dim))
        self.shape = (dim,)
        self.cond_shape = None

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return self._reflect(z, self.vectors), jnp.zeros((), z.dtype)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return self._reflect(x, self.vectors[::-1]), jnp.zeros((), x.dtype)

    def _reflect(self, event: Event, vectors: Array) -> Event:
        # Scaling by the largest element first keeps the squares from overflowing and underflowing.
        largest = jnp.max(jnp.abs(vectors), axis=1, keepdims=True)
        zero = largest == 0
        scaled = vectors / jnp.where(zero, 1.0, jax.lax.stop_gradient(largest))
        norms = jnp.sum(scaled * scaled, axis=1, keepdims=True)
        units = scaled * jnp.where(zero, 0.0, jax.lax.rsqrt(jnp.where(zero, 1.0, norms)))

        def reflect(event: Event, v: Array) -> tuple[Event, None]:
            return event - 2 * v * jnp.dot(v, event, precision=precision()), None

        event = event.astype(jnp.result_type(event, units))
        return jax.lax.scan(reflect, event, units)[0]
