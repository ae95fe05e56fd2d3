"""A conditional distribution at one condition."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from .._arrays import as_float
from .._errors import bad, require
from .._fields import FIXED
from .._types import ArrayLike, Conditions, Events, Keys, Scalars
from ..supports import AbstractSupport
from ._base import AbstractBatchDistribution, AbstractDistribution, log_prob_batch, sample_and_log_prob_batch


@final
class Conditioned(AbstractBatchDistribution):
    """The density of x given one value of the condition, as an unconditional one: a posterior for one observation.

        log p(x) = log p(x | condition)

    Arguments:
        distribution: conditional.
        condition: of `distribution.cond_shape`. It is not trained.

    Raises:
        ValueError: if `distribution` is not conditional, or `condition` not of that shape.
    """

    distribution: AbstractDistribution
    condition: Array = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, distribution: AbstractDistribution, condition: ArrayLike):
        if distribution.cond_shape is None:
            raise bad("distribution", "conditional", f"`an unconditional {type(distribution).__name__}`")
        self.distribution = distribution
        self.condition = as_float("condition", condition)
        self.shape = distribution.shape
        self.cond_shape = None
        rule = f"one condition, of shape {distribution.cond_shape}"
        require(self.condition.shape == distribution.cond_shape, "condition", rule, f"`shape {self.condition.shape}`")

    @property
    def support(self) -> AbstractSupport:
        """The support of the conditional distribution."""
        return self.distribution.support

    def _log_prob_batch(self, x: Events, condition: Conditions) -> Scalars:
        return log_prob_batch(self.distribution, x, self._copies(x.shape[-1]))

    def _sample_and_log_prob_batch(self, keys: Keys, condition: Conditions) -> tuple[Events, Scalars]:
        return sample_and_log_prob_batch(self.distribution, keys, self._copies(len(keys)))

    def _copies(self, n: int) -> Array:
        return jnp.broadcast_to(self.condition[..., None], (*self.condition.shape, n))
