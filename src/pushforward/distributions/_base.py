"""The contract of a probability density that can be evaluated and sampled."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arrays import as_float
from .._errors import bad, require_key
from .._methods import method
from .._shapes import Shapes
from .._types import ArrayLike, ConditionTree, Event, Events, Key, Keys, Scalar, Scalars
from ..supports import AbstractSupport
from . import _batches
from ._conditions import checked_condition, leading_axes

#: (events, their conditions) -> the events and conditions that a part sees; the batch is the last axis.
View: TypeAlias = Callable[[Any, Any], tuple[Any, Any]]
#: The axes to put in front of draws: integers of Python or NumPy.
SampleShape: TypeAlias = tuple[int | np.integer, ...] | int | np.integer


class AbstractDistribution(eqx.Module):
    """A density p(x | condition) over events of `shape`.

    A subclass gives the density and a sampler of one event; the public methods check shapes, broadcast
    leading batch axes, compile, and run large batches in chunks of bounded memory.

    Attributes:
        shape: the shape of one event.
        cond_shape: the shape of one condition, or None for an unconditional density; a tree of shapes if a condition is
            a tree of arrays: {"values": (50, 3), "mask": (50,)}.
    """

    shape: eqx.AbstractVar[tuple[int, ...]]
    cond_shape: eqx.AbstractVar[Shapes]

    @property
    @abstractmethod
    def support(self) -> AbstractSupport:
        """The set of possible events; outside it the density is zero and `log_prob` is -inf.

        Raises:
            ValueError: if the support depends on the condition.
        """

    @abstractmethod
    def _log_prob(self, x: Event, condition: ConditionTree) -> Scalar:
        """Return log p(x | condition) of one event, in nats."""

    @abstractmethod
    def _sample_and_log_prob(self, key: Key, condition: ConditionTree) -> tuple[Event, Scalar]:
        """Return one draw and its log-density."""

    @method
    def log_prob(self, x: ArrayLike, condition: ArrayLike | None = None) -> Float[Array, "..."]:
        """Return log p(x | condition) in nats per event, in the units of x.

        A log-density can be positive; it is -inf outside the support and NaN where `x` is NaN.

        Arguments:
            x: shape (..., *shape).
            condition: shape (..., *cond_shape), or None for an unconditional density. The leading axes of
                `x` and `condition` broadcast. If `cond_shape` is a tree, `condition` is a tree of arrays with
                equal leading axes.

        Returns:
            An array whose shape is the broadcast leading axes.

        Raises:
            ValueError: if a shape does not fit, or `condition` is missing or superfluous.
        """
        x = as_float("x", x)
        batch = leading_axes("x", x, self.shape)
        condition, cond_batch = checked_condition(self.cond_shape, condition)
        try:
            out = jnp.broadcast_shapes(batch, cond_batch)
        except ValueError as error:
            raise bad(
                "condition", f"of leading axes that broadcast with those of `x`, {batch}", f"`{cond_batch}`"
            ) from error
        x = x if batch == out else jnp.broadcast_to(x, out + self.shape)
        return _batches.evaluate(log_prob_batch, _embedding_of(self), self, x, condition, out)

    @method
    def sample(
        self, key: Key, sample_shape: SampleShape = (), condition: ArrayLike | None = None
    ) -> Float[Array, "..."]:
        """Return exact, independent draws.

        Arguments:
            key: a JAX random key.
            sample_shape: the axes to put in front; an integer n stands for (n,).
            condition: shape (..., *cond_shape), a tree of arrays if `cond_shape` is a tree of shapes, or None for an
                unconditional density.

        Returns:
            Shape (*sample_shape, *leading axes of condition, *shape).

        Raises:
            ValueError: if a shape does not fit, or `condition` is missing or superfluous.
        """
        condition, out = _checked_draw(self, key, sample_shape, condition)
        return _batches.draw(sample_batch, _embedding_of(self), self, key, condition, out)

    @method
    def sample_and_log_prob(
        self, key: Key, sample_shape: SampleShape = (), condition: ArrayLike | None = None
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return the draws of `sample` and their log-densities, at little more than the cost of the draws.

        Arguments and errors are as in `sample`; the log-densities have shape
        (*sample_shape, *leading axes of condition).
        """
        condition, out = _checked_draw(self, key, sample_shape, condition)
        return _batches.draw(sample_and_log_prob_batch, _embedding_of(self), self, key, condition, out)


class AbstractBatchDistribution(AbstractDistribution):
    """A distribution that evaluates and draws a batch at once; see `AbstractBatchBijection`."""

    @abstractmethod
    def _log_prob_batch(self, x: Events, condition: ConditionTree) -> Scalars:
        """Return log p(x | condition); shapes (*shape, n) and (n,)."""

    @abstractmethod
    def _sample_and_log_prob_batch(self, keys: Keys, condition: ConditionTree) -> tuple[Events, Scalars]:
        """Return a draw for each of n keys and their log-densities; shapes (*shape, n) and (n,)."""

    def _log_prob(self, x: Event, condition: ConditionTree) -> Scalar:
        return self._log_prob_batch(x[..., None], _batch_of_one(condition))[0]

    def _sample_and_log_prob(self, key: Key, condition: ConditionTree) -> tuple[Event, Scalar]:
        x, log_prob = self._sample_and_log_prob_batch(key[None], _batch_of_one(condition))
        return x[..., 0], log_prob[0]


class AbstractEmbeddingDistribution(AbstractBatchDistribution):
    """A distribution made of others, which embeds its condition, or whose components may embed it.

    Each condition is embedded once, for any number of events: where `embeds` is true, the methods of a batch and of
    one event receive the result of `embed` in place of the condition.
    """

    @property
    @abstractmethod
    def embeds(self) -> bool:
        """Whether any part embeds the condition; if not, all parts receive the condition itself."""

    @abstractmethod
    def embed(self, condition: ConditionTree) -> ConditionTree:
        """Return the embedded condition that the parts receive; arrays of both trees have the batch as last axis."""

    @abstractmethod
    def held(self) -> tuple[tuple[AbstractDistribution, View], ...]:
        """Return the distributions that this one is made of, each with its view of events and conditions."""

    @abstractmethod
    def with_held(self, distributions: Sequence[AbstractDistribution]) -> "AbstractEmbeddingDistribution":
        """Return this distribution with others in place of those of `held`, in the same order."""


# These are functions because Equinox creates an object for each method call, which takes longer than the function.


def embeds(distribution: AbstractDistribution) -> bool:
    """Return whether a distribution embeds its condition."""
    return isinstance(distribution, AbstractEmbeddingDistribution) and distribution.embeds


def embed_batch(distribution: AbstractDistribution, condition: ConditionTree) -> ConditionTree:
    """Return the conditions (..., n) as `log_prob_batch` takes them: embedded if the distribution embeds them."""
    if isinstance(distribution, AbstractEmbeddingDistribution) and distribution.embeds:
        return distribution.embed(condition)
    return condition


def log_prob_batch(distribution: AbstractDistribution, x: Events, condition: ConditionTree) -> Scalars:
    """Return log p(x | condition) of a batch, the last axis; an unconditional distribution ignores the condition.

    A distribution that embeds its condition takes the result of `embed_batch` here.
    """
    condition = None if distribution.cond_shape is None else condition
    if isinstance(distribution, AbstractBatchDistribution):
        return distribution._log_prob_batch(x, condition)
    return jax.vmap(distribution._log_prob, in_axes=-1)(x, condition)


def sample_and_log_prob_batch(
    distribution: AbstractDistribution, keys: Keys, condition: ConditionTree
) -> tuple[Events, Scalars]:
    """Return a draw for each key and its log-density; the batch is the last axis. Conditions as above."""
    condition = None if distribution.cond_shape is None else condition
    if isinstance(distribution, AbstractBatchDistribution):
        return distribution._sample_and_log_prob_batch(keys, condition)
    return jax.vmap(distribution._sample_and_log_prob, in_axes=(0, -1), out_axes=-1)(keys, condition)


def sample_batch(distribution: AbstractDistribution, keys: Keys, condition: ConditionTree) -> Events:
    """Return a draw for each key; the batch is the last axis. Conditions as above."""
    return sample_and_log_prob_batch(distribution, keys, condition)[0]


def _embedding_of(distribution: AbstractDistribution) -> _batches.Embed | None:
    return embed_batch if embeds(distribution) else None


def _batch_of_one(condition: ConditionTree) -> ConditionTree:
    return jax.tree.map(lambda a: a[..., None], condition)


def _checked_draw(
    distribution: AbstractDistribution, key: Key, sample_shape: SampleShape, condition: ArrayLike | None
) -> tuple[ConditionTree, tuple[int, ...]]:
    require_key(key)
    sizes = (sample_shape,) if isinstance(sample_shape, int | np.integer) else tuple(sample_shape)
    if any(not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 0 for n in sizes):
        raise bad("sample_shape", "a tuple of non-negative integers", sample_shape)
    condition, cond_batch = checked_condition(distribution.cond_shape, condition)
    return condition, tuple(map(int, sizes)) + cond_batch
