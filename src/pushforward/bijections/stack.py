"""Many layers of one kind, compiled once."""

from collections.abc import Sequence
from functools import partial
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from .._errors import require
from .._types import Conditions, Events, Scalars
from ._base import AbstractBatchBijection, AbstractBijection, forward_batch, inverse_batch

#: What is not a matrix product is computed again for the gradient: to store the dozens of small arrays of every layer
#: takes longer.
_remat = partial(jax.checkpoint, prevent_cse=False, policy=jax.checkpoint_policies.dots_saveable)


@final
class Stack(AbstractBatchBijection):
    """Composition of layers of one structure, as `Chain` but with stacked arrays, run by a scan.

    The compiled program holds one layer, whatever their number, so compile time does not grow with depth.

    Arguments:
        layers: f_1, ..., f_n on the way from base to data; same classes, settings and array shapes.

    Raises:
        ValueError: if there is no layer or two differ in structure.
    """

    layer: AbstractBijection
    length: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, layers: Sequence[AbstractBijection]):
        require(len(layers) > 0, "layers", "at least one bijection", layers)
        structures = [jax.tree.structure(layer) for layer in layers]
        shapes = [[(a.shape, a.dtype) for a in jax.tree.leaves(layer)] for layer in layers]
        for i in range(1, len(layers)):
            same = structures[i] == structures[0] and shapes[i] == shapes[0]
            require(same, "layers", "of one structure", f"`layer {i} unlike layer 0`", "Use `Chain` for these.")
        self.layer = jax.tree.map(lambda *arrays: jnp.stack(arrays), *layers)
        self.length = len(layers)
        self.shape = layers[0].shape
        self.cond_shape = layers[0].cond_shape

    def layers(self) -> list[AbstractBijection]:
        """Return the layers one by one, from base to data."""
        return [jax.tree.map(lambda a, i=i: a[i], self.layer) for i in range(self.length)]

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        def step(carry: tuple[Array, Array], layer: AbstractBijection) -> tuple[tuple[Array, Array], None]:
            z, total = carry
            z, log_det = forward_batch(layer, z, condition)
            return (z, total + log_det), None

        return jax.lax.scan(_remat(step), self._carry(z), self.layer, self.length)[0]

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        def step(carry: tuple[Array, Array], layer: AbstractBijection) -> tuple[tuple[Array, Array], None]:
            x, total = carry
            x, log_det = inverse_batch(layer, x, condition)
            return (x, total + log_det), None

        return jax.lax.scan(_remat(step), self._carry(x), self.layer, self.length, reverse=True)[0]

    def _carry(self, events: Events) -> tuple[Array, Array]:
        """Return the events and zero log-determinants, of the dtype that the layers will return."""
        floats = [a.dtype for a in jax.tree.leaves(self.layer) if eqx.is_inexact_array(a)]
        dtype = jnp.result_type(events, *floats)
        return events.astype(dtype), jnp.zeros(events.shape[-1:], dtype)
