"""The contract of a probability density that can be evaluated and sampled."""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._arrays import as_float
from .._errors import bad, require_key
from .._types import ArrayLike, Condition, Conditions, Event, Events, Key, Keys, Scalar, Scalars
from ..parallel.compile import compiled, is_traced
from ..parallel.mesh import AXIS, Spec, at_home, shared, sharing
from ..supports import AbstractSupport

#: Events evaluated at once: at most so many, and of at most so many elements together. Larger batches run in chunks one
#: after the other, so that memory is bounded and, on a CPU, what one chunk needs stays in its cache, while there is
#: enough of it for every thread; if several CPU devices share a batch, for one thread each.
CPU_CHUNK, SHARED_CHUNK, CHUNK = (4096, 2**18), (1024, 2**17), (2**16, 2**22)

#: A CPU device receives so many events at least.
SHARE = 1024


class AbstractDistribution(eqx.Module):
    """A density p(x | condition) over events of `shape`.

    A subclass gives the density and a sampler of one event; the public methods check shapes, broadcast
    leading batch axes, compile, and run large batches in chunks of bounded memory.

    Attributes:
        shape: the shape of one event.
        cond_shape: the shape of one condition, or None for an unconditional density.
    """

    shape: eqx.AbstractVar[tuple[int, ...]]
    cond_shape: eqx.AbstractVar[tuple[int, ...] | None]

    @property
    @abstractmethod
    def support(self) -> AbstractSupport:
        """The set that events live in; the density outside is zero, `log_prob` -inf.

        Raises:
            ValueError: if it depends on the condition.
        """

    @abstractmethod
    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        """Return log p(x | condition) of one event, in nats."""

    @abstractmethod
    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        """Return one draw and its log-density."""

    def log_prob(self, x: ArrayLike, condition: ArrayLike | None = None) -> Float[Array, "..."]:
        """Return log p(x | condition) in nats per event, in the units of x.

        It is a log-density, so it can be positive; it is -inf outside the support and NaN where `x` is NaN.

        Arguments:
            x: shape (..., *shape).
            condition: shape (..., *cond_shape), or None for an unconditional density. The leading axes of
                `x` and `condition` broadcast.

        Returns:
            The broadcast leading axes.

        Raises:
            ValueError: if a shape does not fit, or `condition` is missing or superfluous.
        """
        x = as_float("x", x)
        batch = _leading("x", x, self.shape)
        condition, cond_batch = checked_condition(self, condition)
        try:
            out = jnp.broadcast_shapes(batch, cond_batch)
        except ValueError as error:
            raise bad(
                "condition", f"of leading axes that broadcast with those of `x`, {batch}", f"`{cond_batch}`"
            ) from error
        x = x if batch == out else jnp.broadcast_to(x, out + self.shape)
        devices = _devices(out, self, x, condition)
        return at_home(_log_prob_batch(self, x, condition, out, devices), devices)

    def sample(
        self, key: Key, sample_shape: tuple[int, ...] | int = (), condition: ArrayLike | None = None
    ) -> Float[Array, "..."]:
        """Return exact, independent draws.

        Arguments:
            key: a JAX random key.
            sample_shape: the axes to put in front; an integer n stands for (n,).
            condition: shape (..., *cond_shape), or None for an unconditional density.

        Returns:
            Shape (*sample_shape, *leading axes of condition, *shape).

        Raises:
            ValueError: if a shape does not fit, or `condition` is missing or superfluous.
        """
        require_key(key)
        condition, out = _checked_draw(self, sample_shape, condition)
        devices = _devices(out, self, key, condition)
        return at_home(_sample_batch(self, key, condition, out, devices), devices)

    def sample_and_log_prob(
        self, key: Key, sample_shape: tuple[int, ...] | int = (), condition: ArrayLike | None = None
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return the draws of `sample` and their log-densities, for little more than the draws cost.

        Arguments and errors are those of `sample`; the log-densities have shape
        (*sample_shape, *leading axes of condition).
        """
        require_key(key)
        condition, out = _checked_draw(self, sample_shape, condition)
        devices = _devices(out, self, key, condition)
        return at_home(_sample_and_log_prob_batch(self, key, condition, out, devices), devices)


# Functions, because Equinox makes an object of each method that is called, which takes longer than these.


def checked_condition(
    distribution: AbstractDistribution, condition: ArrayLike | None
) -> tuple[Condition, tuple[int, ...]]:
    """Return the condition as an array, and its leading axes; complain if it does not fit."""
    shape = distribution.cond_shape
    if shape is None:
        if condition is not None:
            raise bad("condition", "None for an unconditional density", "`an array`")
        return None, ()
    if condition is None:
        remedy = "This density is conditional: pass what it is conditioned on."
        raise bad("condition", f"an array of trailing shape {shape}", None, remedy)
    condition = as_float("condition", condition)
    return condition, _leading("condition", condition, shape)


def _checked_draw(
    distribution: AbstractDistribution, sample_shape: tuple[int, ...] | int, condition: ArrayLike | None
) -> tuple[Condition, tuple[int, ...]]:
    sizes = (sample_shape,) if isinstance(sample_shape, int) else tuple(sample_shape)
    if any(not isinstance(n, int) or isinstance(n, bool) or n < 0 for n in sizes):
        raise bad("sample_shape", "a tuple of non-negative integers", sample_shape)
    condition, cond_batch = checked_condition(distribution, condition)
    return condition, sizes + cond_batch


def _leading(name: str, x: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    split = x.ndim - len(shape)
    if split < 0 or x.shape[split:] != shape:
        remedy = f"Pass `{name}[..., None]`, or [{name}] for a number." if shape == (1,) else ""
        raise bad(name, f"an array of trailing shape {shape}", f"`shape {x.shape}`", remedy)
    return x.shape[:split]


class AbstractBatchDistribution(AbstractDistribution):
    """A distribution that handles a batch at once; see `AbstractBatchBijection`."""

    @abstractmethod
    def _log_prob_batch(self, x: Events, condition: Conditions) -> Scalars:
        """Return log p(x | condition); shapes (*shape, n) and (n,)."""

    @abstractmethod
    def _sample_and_log_prob_batch(self, keys: Keys, condition: Conditions) -> tuple[Events, Scalars]:
        """Return a draw for each of n keys and their log-densities; shapes (*shape, n) and (n,)."""

    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        return self._log_prob_batch(x[..., None], None if condition is None else condition[..., None])[0]

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        condition = None if condition is None else condition[..., None]
        x, log_prob = self._sample_and_log_prob_batch(key[None], condition)
        return x[..., 0], log_prob[0]


def log_prob_batch(distribution: AbstractDistribution, x: Events, condition: Conditions) -> Scalars:
    """Return log p(x | condition) of a batch, its last axis; the condition is dropped if there should be none."""
    condition = None if distribution.cond_shape is None else condition
    if isinstance(distribution, AbstractBatchDistribution):
        return distribution._log_prob_batch(x, condition)
    return jax.vmap(distribution._log_prob, in_axes=-1)(x, condition)


def sample_and_log_prob_batch(
    distribution: AbstractDistribution, keys: Keys, condition: Conditions
) -> tuple[Events, Scalars]:
    """Return a draw for each key and their log-densities; the batch is the last axis."""
    condition = None if distribution.cond_shape is None else condition
    if isinstance(distribution, AbstractBatchDistribution):
        return distribution._sample_and_log_prob_batch(keys, condition)
    return jax.vmap(distribution._sample_and_log_prob, in_axes=(0, -1), out_axes=-1)(keys, condition)


def _devices(out: tuple[int, ...], *args: Any) -> int:
    """Return how many CPU devices share a batch of leading axes `out`.

    There is more than one if who started the process asked JAX for them. Other accelerators are left to the user.
    """
    alone = jax.default_backend() != "cpu" or jax.local_device_count() == 1
    return 1 if alone or is_traced(args) else sharing(math.prod(out), SHARE, args)


def _in_parts(
    f: Callable[..., Any], shape: tuple[int, ...], out: tuple[int, ...], devices: int, *args: Array | None
) -> Any:
    """Apply f to arguments of leading axes `out`: a part on each device, chunk by chunk.

    Arguments:
        f: its results have the batch as their last axis.
        shape: of an event.
        out: the batch axes.
        devices: how many.
        args: arrays, or None.
    """
    n = math.prod(out)
    flat = jax.tree.map(lambda a: a.reshape((n, *a.shape[len(out) :])), args)
    limits = CHUNK if jax.default_backend() != "cpu" else CPU_CHUNK if devices == 1 else SHARED_CHUNK
    of_part = partial(_in_chunks, f, shape, limits)
    if devices > 1:
        flat = _filled_up(flat, n, math.ceil(n / devices) * devices)
        of_part = shared(of_part, devices, Spec(AXIS), Spec(AXIS))
    return jax.tree.map(lambda a: a[:n].reshape(out + a.shape[1:]), of_part(*flat))


def _in_chunks(f: Callable[..., Any], shape: tuple[int, ...], limits: tuple[int, int], *args: Array | None) -> Any:
    """Apply f to arguments whose first axis is the batch, chunk by chunk; it is the first axis of the results, too."""
    n = len(jax.tree.leaves(args)[0])
    events, elements = limits
    count = max(1, math.ceil(n / max(1, min(events, elements // max(1, math.prod(shape))))))
    size = math.ceil(n / count)

    def one(chunk: tuple[Array | None, ...]) -> Any:
        return jax.tree.map(lambda a: jnp.moveaxis(a, -1, 0), f(*chunk))

    if count == 1:
        return one(args)
    chunks = jax.tree.map(lambda a: a.reshape((count, size, *a.shape[1:])), _filled_up(args, n, count * size))
    return jax.tree.map(lambda a: a.reshape((count * size, *a.shape[2:]))[:n], jax.lax.map(one, chunks))


def _filled_up(arrays: Any, n: int, total: int) -> Any:
    """Repeat the last of n rows until there are `total`: parts of another size would be compiled once more."""
    if total == n:
        return arrays
    return jax.tree.map(lambda a: a[jnp.minimum(jnp.arange(total), n - 1)], arrays)


def _per_event(distribution: AbstractDistribution, condition: Condition, out: tuple[int, ...]) -> Condition:
    """Return the condition of each event, or None if one, or none, is for all: that one is not copied."""
    if condition is None or condition.ndim == len(distribution.cond_shape or ()):
        return None
    return jnp.broadcast_to(condition, out + (distribution.cond_shape or ()))


def _of_chunk(condition: Condition, part: Condition, size: int) -> Conditions:
    """Return the conditions of a chunk, its last axis: those of its events, or the one for all."""
    if part is not None:
        return jnp.moveaxis(part, 0, -1)
    return None if condition is None else jnp.broadcast_to(condition[..., None], (*condition.shape, size))


@compiled
def _log_prob_batch(
    distribution: AbstractDistribution, x: Array, condition: Condition, out: tuple[int, ...], devices: int
) -> Array:
    def log_prob(x: Array, part: Condition) -> Array:
        return log_prob_batch(distribution, jnp.moveaxis(x, 0, -1), _of_chunk(condition, part, len(x)))

    return _in_parts(log_prob, distribution.shape, out, devices, x, _per_event(distribution, condition, out))


@compiled
def _sample_batch(
    distribution: AbstractDistribution, key: Key, condition: Condition, out: tuple[int, ...], devices: int
) -> Array:
    def draw(keys: Keys, part: Condition) -> Array:
        return sample_and_log_prob_batch(distribution, keys, _of_chunk(condition, part, len(keys)))[0]

    return _in_parts(
        draw, distribution.shape, out, devices, jax.random.split(key, out), _per_event(distribution, condition, out)
    )


@compiled
def _sample_and_log_prob_batch(
    distribution: AbstractDistribution, key: Key, condition: Condition, out: tuple[int, ...], devices: int
) -> tuple[Array, Array]:
    def draw(keys: Keys, part: Condition) -> tuple[Array, Array]:
        return sample_and_log_prob_batch(distribution, keys, _of_chunk(condition, part, len(keys)))

    return _in_parts(
        draw, distribution.shape, out, devices, jax.random.split(key, out), _per_event(distribution, condition, out)
    )
