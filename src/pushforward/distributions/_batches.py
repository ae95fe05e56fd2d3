"""Compiled evaluation of batches of any size, in chunks of bounded memory, shared among CPU devices."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array

from .._shapes import Shapes, leaf_shapes
from .._types import Key
from ..parallel.compile import compiled, is_traced
from ..parallel.mesh import AXIS, Spec, gather, shared, sharing

#: The most events, and the most elements of events, that are evaluated at once; larger batches run chunk by chunk. This
#: bounds memory. On a CPU a chunk fits into the cache and still occupies every thread; a chunk of one of several CPU
#: devices that share a batch occupies one thread.
CPU_CHUNK, SHARED_CHUNK, CHUNK = (4096, 2**18), (1024, 2**17), (2**16, 2**22)

#: The smallest number of events for which a CPU device is used.
SHARE = 1024

#: A function (distribution, batch, conditions); the batch is the last axis of events, or the first axis of keys.
OfBatch = Callable[[Any, Any, Any], Any]
#: A function (distribution, events or keys, a condition for each or None, one condition for all or None).
OfChunk = Callable[[Any, Array, Any, Any], Any]
#: A function (distribution, conditions) that embeds the conditions for the distribution.
Embed = Callable[[Any, Any], Any]


def evaluate(
    of_batch: OfBatch, embed: Embed | None, distribution: Any, x: Array, condition: Any, batch: tuple[int, ...]
) -> Any:
    """Return of_batch(distribution, x, condition), event by event.

    Arguments:
        of_batch: a module-level function, since every new function object is compiled anew.
        embed: a module-level function, or None if the distribution takes conditions as they are.
        distribution: its `shape` and `cond_shape` tell the axes of events and conditions from batch axes.
        x: shape (*batch, *shape).
        condition: a tree of arrays whose leading axes broadcast to `batch`, or None.
        batch: the leading axes.
    """
    devices = count_devices(batch, distribution, x, condition)
    return gather(_evaluate(of_batch, embed, distribution, x, condition, batch, devices), devices)


def draw(
    of_batch: OfBatch, embed: Embed | None, distribution: Any, key: Key, condition: Any, batch: tuple[int, ...]
) -> Any:
    """Return of_batch(distribution, keys, condition) with its own key for each event; arguments as in `evaluate`."""
    devices = count_devices(batch, distribution, key, condition)
    return gather(_draw(of_batch, embed, distribution, key, condition, batch, devices), devices)


def count_devices(batch: tuple[int, ...], *args: Any) -> int:
    """Return how many CPU devices share a batch.

    JAX has more than one only if the user asked for them. On accelerators the user distributes batches.
    """
    alone = jax.default_backend() != "cpu" or jax.local_device_count() == 1
    return 1 if alone or is_traced(args) else sharing(math.prod(batch), SHARE, args)


@compiled
def _evaluate(
    of_batch: OfBatch,
    embed: Embed | None,
    distribution: Any,
    x: Array,
    condition: Any,
    batch: tuple[int, ...],
    devices: int,
) -> Any:
    def of_chunk(distribution: Any, x: Array, each: Any, one: Any) -> Any:
        return of_batch(distribution, jnp.moveaxis(x, 0, -1), _conditions(each, one, len(x)))

    return _map_events(of_chunk, embed, distribution, x, condition, batch, devices)


@compiled
def _draw(
    of_batch: OfBatch,
    embed: Embed | None,
    distribution: Any,
    key: Key,
    condition: Any,
    batch: tuple[int, ...],
    devices: int,
) -> Any:
    def of_chunk(distribution: Any, keys: Array, each: Any, one: Any) -> Any:
        return of_batch(distribution, keys, _conditions(each, one, len(keys)))

    keys = jax.random.split(key, batch)
    return _map_events(of_chunk, embed, distribution, keys, condition, batch, devices)


def _map_events(
    of_chunk: OfChunk,
    embed: Embed | None,
    distribution: Any,
    events: Array,
    condition: Any,
    batch: tuple[int, ...],
    devices: int,
) -> Any:
    """Apply `of_chunk` to events or keys, with a condition for each or one condition for all; the other is None."""
    of_conditions = _leading_axes(distribution.cond_shape, condition)
    if embed is not None:
        condition = _embedded(embed, distribution, condition, of_conditions, devices)
    each = None if not of_conditions else _broadcast(condition, of_conditions, batch)
    one = None if of_conditions else condition
    if batch == ():
        return _map_one(of_chunk, distribution, events, condition)
    return _map_batch(
        lambda events, each: of_chunk(distribution, events, each, one),
        distribution.shape,
        batch,
        devices,
        events,
        each,
    )


def _map_one(of_chunk: OfChunk, distribution: Any, event: Array, condition: Any) -> Any:
    """Apply `of_chunk` to one event or key, with its condition.

    Under `jax.vmap` over events, these become a batch, the last axis, as if they had been one from the start: the axis
    that `vmap` adds is the first, along which compilers do not vectorize. JAX cannot differentiate a rule for `vmap`,
    so derivatives go without it.
    """
    arrays, rest = eqx.partition(distribution, eqx.is_array)
    is_key = jnp.issubdtype(event.dtype, jax.dtypes.prng_key)
    event, implementation = (jax.random.key_data(event), jax.random.key_impl(event)) if is_key else (event, None)

    def of_batch(arrays: Any, size: tuple[int, ...], events: Array, one: Any, each: Any = None) -> Any:
        events = jax.random.wrap_key_data(events, impl=implementation) if is_key else events
        model = eqx.combine(arrays, rest)
        if each is None:
            return _map_batch(lambda events: of_chunk(model, events, None, one), model.shape, size, 1, events)
        return _map_batch(lambda events, each: of_chunk(model, events, each, None), model.shape, size, 1, events, each)

    def alone(arrays: Any, event: Array, condition: Any) -> Any:
        return of_batch(arrays, (), event, condition)

    @custom_vmap
    def value(arrays: Any, event: Array, condition: Any) -> Any:
        return alone(arrays, event, condition)

    @value.def_vmap
    def values(size: int, has_axis: Any, arrays: Any, event: Array, condition: Any) -> tuple[Any, Any]:
        of_arrays, of_event, of_condition = (jax.tree.leaves(tree) for tree in has_axis)
        if any(of_arrays) or not all(of_event):
            axes = jax.tree.map(lambda has: 0 if has else None, has_axis)
            results = jax.vmap(alone, axes)(arrays, event, condition)
        elif any(of_condition):
            leaves, structure = jax.tree.flatten(condition)
            each = [
                a if has else jnp.broadcast_to(a, (size, *a.shape)) for a, has in zip(leaves, of_condition, strict=True)
            ]
            results = of_batch(arrays, (size,), event, None, jax.tree.unflatten(structure, each))
        else:
            results = of_batch(arrays, (size,), event, condition)
        return results, jax.tree.map(lambda _: True, results)

    @jax.custom_jvp
    def result(arrays: Any, event: Array, condition: Any) -> Any:
        return value(arrays, event, condition)

    @result.defjvp
    def result_and_tangent(primals: Any, tangents: Any) -> Any:
        return jax.jvp(alone, primals, tangents)

    return result(arrays, event, condition)


def _leading_axes(shapes: Shapes, condition: Any) -> tuple[int, ...]:
    """Return the leading axes that all arrays of a condition share."""
    if shapes is None or condition is None:
        return ()
    first = jax.tree.leaves(condition)[0]
    return first.shape[: first.ndim - len(next(leaf_shapes(shapes)))]


def _embedded(embed: Embed, distribution: Any, condition: Any, batch: tuple[int, ...], devices: int) -> Any:
    """Return the embedded conditions; each is embedded once, for any number of events."""

    def of_chunk(part: Any) -> Any:
        return embed(distribution, jax.tree.map(lambda a: jnp.moveaxis(a, 0, -1), part))

    size = sum(map(math.prod, leaf_shapes(distribution.cond_shape)))
    return _map_batch(of_chunk, (size,), batch, devices if math.prod(batch) >= SHARE else 1, condition)


def _broadcast(condition: Any, leading: tuple[int, ...], batch: tuple[int, ...]) -> Any:
    return jax.tree.map(lambda a: jnp.broadcast_to(a, batch + a.shape[len(leading) :]), condition)


def _conditions(each: Any, one: Any, size: int) -> Any:
    """Return the conditions of a chunk, the last axis: one of each event, or copies of the one condition of all."""
    if each is not None:
        return jax.tree.map(lambda a: jnp.moveaxis(a, 0, -1), each)
    return jax.tree.map(lambda a: jnp.broadcast_to(a[..., None], (*a.shape, size)), one)


def _map_batch(f: Callable[..., Any], shape: tuple[int, ...], batch: tuple[int, ...], devices: int, *args: Any) -> Any:
    """Apply f to trees of arrays with leading axes `batch`: a part on each device, chunk by chunk.

    Arguments:
        f: its results have the batch as their last axis.
        shape: of an event.
        batch: the leading axes.
        devices: number of devices.
        args: trees of arrays.
    """
    n = math.prod(batch)
    flat = jax.tree.map(lambda a: a.reshape((n, *a.shape[len(batch) :])), args)
    limits = CHUNK if jax.default_backend() != "cpu" else CPU_CHUNK if devices == 1 else SHARED_CHUNK
    of_part = partial(_map_chunks, f, shape, limits)
    if devices > 1:
        flat = _padded(flat, n, math.ceil(n / devices) * devices)
        of_part = shared(of_part, devices, Spec(AXIS), Spec(AXIS))
    return jax.tree.map(lambda a: a[:n].reshape(batch + a.shape[1:]), of_part(*flat))


def _map_chunks(f: Callable[..., Any], shape: tuple[int, ...], limits: tuple[int, int], *args: Any) -> Any:
    """Apply f chunk by chunk; the batch is the first axis of the arguments, and of the results too."""
    n = len(jax.tree.leaves(args)[0])
    events, elements = limits
    count = max(1, math.ceil(n / max(1, min(events, elements // max(1, math.prod(shape))))))
    size = math.ceil(n / count)

    def one(chunk: tuple[Any, ...]) -> Any:
        return jax.tree.map(lambda a: jnp.moveaxis(a, -1, 0), f(*chunk))

    if count == 1:
        return one(args)
    chunks = jax.tree.map(lambda a: a.reshape((count, size, *a.shape[1:])), _padded(args, n, count * size))
    return jax.tree.map(lambda a: a.reshape((count * size, *a.shape[2:]))[:n], jax.lax.map(one, chunks))


def _padded(arrays: Any, n: int, total: int) -> Any:
    """Repeat the last of n rows up to `total` rows: JAX would compile once more for a part of another size."""
    if total == n:
        return arrays
    return jax.tree.map(lambda a: a[jnp.minimum(jnp.arange(total), n - 1)], arrays)
