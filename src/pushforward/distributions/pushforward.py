"""The distribution of x = f(z) for z from a base distribution."""

from collections.abc import Sequence
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp

from .._errors import bad
from .._methods import method
from .._shapes import Shapes
from .._types import ConditionTree, Events, Keys, Scalars
from ..bijections._base import AbstractBijection, forward_batch, inverse_batch
from ..bijections.image import image
from ..supports import AbstractSupport
from ._base import (
    AbstractDistribution,
    AbstractEmbeddingDistribution,
    View,
    embed_batch,
    embeds,
    log_prob_batch,
    sample_and_log_prob_batch,
)
from .mixture import Mixture


@final
class Pushforward(AbstractEmbeddingDistribution):
    """The density of x = f(z), z ~ base: a normalizing flow.

        log p(x) = log p_base(f⁻¹(x)) + log|det df⁻¹/dx|

    Arguments:
        base: the distribution of z; may be conditional.
        bijection: f, of the base's `shape`; may be conditional, with the same `cond_shape` as a conditional base.

    Raises:
        ValueError: if the shapes of base and bijection disagree.

    Reference:
        "Normalizing Flows for Probabilistic Modeling and Inference", Papamakarios, Nalisnick, Rezende,
        Mohamed, Lakshminarayanan, 2021.
    """

    base: AbstractDistribution
    bijection: AbstractBijection
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: Shapes = eqx.field(static=True)

    def __init__(self, base: AbstractDistribution, bijection: AbstractBijection):
        self.base = base
        self.bijection = bijection
        self.shape = base.shape
        self.cond_shape = base.cond_shape if bijection.cond_shape is None else bijection.cond_shape

    def __check_init__(self) -> None:
        """Check that the base and the bijection fit together."""
        if self.base.shape != self.bijection.shape:
            raise bad("bijection", f"of the base's shape {self.base.shape}", self.bijection.shape)
        shapes = {self.base.cond_shape, self.bijection.cond_shape} - {None}
        if len(shapes) > 1:
            raise bad("bijection", f"conditioned on the base's {self.base.cond_shape}", self.bijection.cond_shape)

    @property
    def support(self) -> AbstractSupport:
        """The image of the base's support under the bijection."""
        return image(self.bijection, self.base.support)

    @property
    def embeds(self) -> bool:
        """Whether the base embeds the condition; the bijection never does."""
        return embeds(self.base)

    @method
    def embed(self, condition: ConditionTree) -> ConditionTree:
        """Return the condition as the base takes it and, for the bijection, the condition itself, if the two differ."""
        if not self.embeds:
            return condition
        return embed_batch(self.base, condition), None if self.bijection.cond_shape is None else condition

    def held(self) -> tuple[tuple[AbstractDistribution, View], ...]:
        """Return the base, which sees the events with the bijection undone."""

        def undone(events: Events, condition: ConditionTree) -> tuple[Events, ConditionTree]:
            of_bijection = None if self.bijection.cond_shape is None else condition
            return inverse_batch(self.bijection, events, of_bijection)[0], condition

        return ((self.base, undone),)

    def with_held(self, distributions: Sequence[AbstractDistribution]) -> "Pushforward":
        """Return this distribution with other parts."""
        (base,) = distributions
        return Pushforward(base, self.bijection)

    def _of_each(self, condition: ConditionTree) -> tuple[ConditionTree, ConditionTree]:
        return condition if self.embeds else (condition, condition)

    def _log_prob_batch(self, x: Events, condition: ConditionTree) -> Scalars:
        of_base, of_bijection = self._of_each(condition)
        z, log_det = inverse_batch(self.bijection, x, of_bijection)
        return log_prob_batch(self.base, z, of_base) + log_det

    def _sample_and_log_prob_batch(self, keys: Keys, condition: ConditionTree) -> tuple[Events, Scalars]:
        of_base, of_bijection = self._of_each(condition)
        z, log_prob = sample_and_log_prob_batch(self.base, keys, of_base)
        # A base without parameters draws in JAX's default dtype, which would turn a float32 model into a float64 one.
        dtypes = [leaf.dtype for leaf in jax.tree.leaves(self.bijection) if eqx.is_inexact_array(leaf)]
        if dtypes:
            z, log_prob = z.astype(jnp.result_type(*dtypes)), log_prob.astype(jnp.result_type(*dtypes))
        x, log_det = forward_batch(self.bijection, z, of_bijection)
        return x, log_prob - log_det


def require_pushforward(flow: Any) -> Pushforward:
    """Return the flow if it is one base and one bijection.

    Raises:
        ValueError: if it is another distribution, such as a mixture of flows.
    """
    remedy = ""
    if isinstance(flow, Mixture):
        remedy = "Fit one flow, by `members=1, gaussians=False`, or take one of its `components`."
    if not isinstance(flow, Pushforward):
        raise bad("flow", "a `Pushforward`, one base and one bijection", f"`a {type(flow).__name__}`", remedy)
    return flow
