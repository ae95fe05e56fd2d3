"""Many layers of one kind, compiled once."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, final, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array

from ..._errors import require
from ..._types import Conditions, Events, Scalars
from ...numerics.products import PRODUCT
from ...parallel.compile import is_traced
from .._base import AbstractBijection, AbstractComposite, Part, forward_batch, inverse_batch

_Direction: TypeAlias = Callable[[AbstractBijection, Events, Conditions], tuple[Events, Scalars]]
_Carry: TypeAlias = tuple[Events, Scalars]

#: The results that a layer keeps for its gradient; the gradient computes all others again.
Keep: TypeAlias = Literal["products", "everything", "nothing"]

_POLICIES = {
    "products": jax.checkpoint_policies.save_from_both_policies(
        jax.checkpoint_policies.dots_saveable, jax.checkpoint_policies.save_only_these_names(PRODUCT)
    ),
    "everything": jax.checkpoint_policies.everything_saveable,
    "nothing": jax.checkpoint_policies.nothing_saveable,
}

#: The most layers that are compiled one by one; more are compiled as a loop over this many at a time.
MOST_UNROLLED = 8


def _scan(
    unroll: int,
    direction: _Direction,
    length: int,
    keep: Keep,
    carry: _Carry,
    layers: AbstractBijection,
    condition: Conditions,
) -> _Carry:
    remat = partial(jax.checkpoint, prevent_cse=False, policy=_POLICIES[keep])

    def step(carry: _Carry, layer: AbstractBijection) -> tuple[_Carry, None]:
        events, total = carry
        events, log_det = direction(layer, events, condition)
        return (events, total + log_det), None

    reverse = direction is inverse_batch
    return jax.lax.scan(remat(step), carry, layers, length, reverse=reverse, unroll=min(unroll, length))[0]


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _unrolled(
    direction: _Direction,
    length: int,
    keep: Keep,
    carry: _Carry,
    layers: AbstractBijection,
    condition: Conditions,
) -> _Carry:
    """Run the layers, but differentiate the unrolled loop: on a CPU only a gradient gains enough to pay for it."""
    if length > MOST_UNROLLED or jax.default_backend() == "cpu":
        return _scan(1, direction, length, keep, carry, layers, condition)
    return _one_by_one(direction, length, carry, layers, condition)


def _one_by_one(
    direction: _Direction, length: int, carry: _Carry, layers: AbstractBijection, condition: Conditions
) -> _Carry:
    """Run the layers without a loop, between whose short programs a GPU would stand idle."""
    leaves, structure = jax.tree.flatten(layers)
    cut = [[a[i] for i in range(length)] for a in leaves]
    # XLA would fuse the cut of a matrix into its product, and then search for the fastest form of each layer's product
    # anew, which takes most of the compilation; behind a barrier the products of all layers are one.
    matrices = [i for i, a in enumerate(leaves) if a.ndim > 2]
    for i, arrays in zip(matrices, jax.lax.optimization_barrier([cut[i] for i in matrices]), strict=True):
        cut[i] = arrays
    events, total = carry
    # As in a loop, the batch is the fastest axis; XLA would keep the order in memory of the caller's rows, which lies
    # across that of the parameters.
    events = with_layout_constraint(events, Layout(tuple(range(events.ndim))))
    for i in reversed(range(length)) if direction is inverse_batch else range(length):
        layer = jax.tree.unflatten(structure, [arrays[i] for arrays in cut])
        events, log_det = direction(layer, events, condition)
        total = total + log_det
    return events, total


@_unrolled.defjvp
def _unrolled_jvp(
    direction: _Direction, length: int, keep: Keep, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    return jax.jvp(partial(_scan, MOST_UNROLLED, direction, length, keep), primals, tangents)


@final
class Stack(AbstractComposite):
    """Composition of layers of one structure, like `Chain`, but with stacked arrays and run by a scan.

    The compiled program holds one layer, or eight if it is unrolled, so compile time does not grow with depth.
    Values are computed layer by layer in a loop; except on CPUs, up to eight layers that are unrolled for gradients are
    unrolled for values, too: a GPU waits between the short programs of a loop.

    Arguments:
        layers: f_1, ..., f_n in order from base to data; same classes, settings and array shapes.
        unroll: whether to compile up to eight layers one by one where a gradient is taken. Training steps are then a
            quarter faster, above all with small layers: the results that layers keep for their gradients are not
            copied into one array, and the gradients of two layers are computed at once. Compilation takes longer.
            None unrolls except on CPUs, where it gains less: the choice for splines of many parameters.
        keep: the results that a layer keeps for its gradient. "products": matrix products and convolutions; computing
            the dozens of small arrays between them again is faster than storing them. "everything": faster where
            these arrays are large. "nothing": each layer is computed twice and keeps only its events, for deep stacks
            of large networks.

    Raises:
        ValueError: if there is no layer, two layers differ in structure, or `keep` is not one of the three.
    """

    layer: AbstractBijection
    length: int = eqx.field(static=True)
    unroll: bool | None = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)
    keep: Keep = eqx.field(static=True)

    def __init__(self, layers: Sequence[AbstractBijection], *, unroll: bool | None = False, keep: Keep = "products"):
        require(keep in get_args(Keep), "keep", f"one of {get_args(Keep)}", keep)
        require(len(layers) > 0, "layers", "at least one bijection", layers)
        structures = [jax.tree.structure(layer) for layer in layers]
        shapes = [[(a.shape, a.dtype) for a in jax.tree.leaves(layer)] for layer in layers]
        for i in range(1, len(layers)):
            same = structures[i] == structures[0] and shapes[i] == shapes[0]
            require(same, "layers", "of one structure", f"`layer {i} unlike layer 0`", "Use `Chain` for these.")
        # NumPy stacks without compiling anything; under a JAX transformation only JAX can stack.
        host: Any = jnp if is_traced(layers) else np
        self.layer = jax.tree.map(lambda *arrays: jax.device_put(host.stack(arrays)), *layers)
        self.length = len(layers)
        self.unroll = unroll
        self.keep = keep
        self.shape = layers[0].shape
        self.cond_shape = layers[0].cond_shape

    def layers(self) -> list[AbstractBijection]:
        """Return the layers one by one, from base to data."""
        if is_traced(self.layer):
            return [jax.tree.map(lambda a, i=i: a[i], self.layer) for i in range(self.length)]
        host = jax.tree.map(np.asarray, self.layer)
        return [jax.tree.map(lambda a, i=i: jax.device_put(a[i]), host) for i in range(self.length)]

    def parts(self) -> tuple[Part, ...]:
        """Return the layers."""
        return tuple(Part(f"layers()[{i}]", layer) for i, layer in enumerate(self.layers()))

    def rebuild(self, bijections: Sequence[AbstractBijection]) -> "Stack":
        """Return the stack of `bijections`."""
        return Stack(bijections, unroll=self.unroll, keep=self.keep)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return self._run(forward_batch, z, condition)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return self._run(inverse_batch, x, condition)

    def _run(self, direction: _Direction, events: Events, condition: Conditions) -> tuple[Events, Scalars]:
        unroll = jax.default_backend() != "cpu" if self.unroll is None else self.unroll
        run = _unrolled if unroll else partial(_scan, 1)
        return run(direction, self.length, self.keep, self._carry(events), self.layer, condition)

    def _carry(self, events: Events) -> tuple[Array, Array]:
        """Return the events and zero log-determinants, in the dtype that the layers will return."""
        floats = [a.dtype for a in jax.tree.leaves(self.layer) if eqx.is_inexact_array(a)]
        dtype = jnp.result_type(events, *floats)
        return events.astype(dtype), jnp.zeros(events.shape[-1:], dtype)
