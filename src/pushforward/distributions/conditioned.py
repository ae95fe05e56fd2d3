"""A conditional distribution at one condition."""

from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from .._errors import bad, require
from .._fields import FIXED
from .._types import ArrayLike, ConditionTree, Events, Keys, Scalars
from ..supports import AbstractSupport
from ._base import (
    AbstractBatchDistribution,
    AbstractDistribution,
    embed_batch,
    log_prob_batch,
    sample_and_log_prob_batch,
)
from ._conditions import checked_condition


@final
class Conditioned(AbstractBatchDistribution):
    """The unconditional density of x given one value of the condition: a posterior for one observation.

        log p(x) = log p(x | condition)

    Arguments:
        distribution: conditional.
        condition: of `distribution.cond_shape`, a tree of arrays if that is a tree of shapes. It is not trained.

    Raises:
        ValueError: if `distribution` is not conditional, or `condition` is not of that shape.
    """

    distribution: AbstractDistribution
    condition: Any = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, distribution: AbstractDistribution, condition: ArrayLike):
        if distribution.cond_shape is None:
            raise bad("distribution", "conditional", f"`an unconditional {type(distribution).__name__}`")
        self.distribution = distribution
        self.condition, batch = checked_condition(distribution.cond_shape, condition)
        self.shape = distribution.shape
        self.cond_shape = None
        rule = f"one condition, of shape {distribution.cond_shape}"
        shapes = sorted({a.shape for a in jax.tree.leaves(self.condition)})
        require(batch == (), "condition", rule, f"`shape {', '.join(map(str, shapes))}`")

    @property
    def support(self) -> AbstractSupport:
        """The support of the conditional distribution."""
        return self.distribution.support

    def _log_prob_batch(self, x: Events, condition: ConditionTree) -> Scalars:
        return log_prob_batch(self.distribution, x, self._copies(x.shape[-1]))

    def _sample_and_log_prob_batch(self, keys: Keys, condition: ConditionTree) -> tuple[Events, Scalars]:
        return sample_and_log_prob_batch(self.distribution, keys, self._copies(len(keys)))

    def _copies(self, n: int) -> ConditionTree:
        """Return n copies of the condition; if the distribution embeds it, it is embedded once before copying."""
        one = jax.tree.map(lambda a: a[..., None], self.condition)

        def repeated(a: Array) -> Array:
            return jnp.broadcast_to(a, (*a.shape[:-1], n))

        return jax.tree.map(repeated, embed_batch(self.distribution, one))
