"""Mixtures of densities."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._arrays import as_float
from .._errors import bad, require
from .._methods import method
from .._shapes import Shapes
from .._types import ArrayLike, ConditionTree, Events, Keys, Scalars
from ..supports import AbstractSupport
from ..supports.union import union
from ._base import (
    AbstractDistribution,
    AbstractEmbeddingDistribution,
    View,
    embed_batch,
    embeds,
    log_prob_batch,
    sample_and_log_prob_batch,
)


@final
class Mixture(AbstractEmbeddingDistribution):
    """A mixture: p(x | condition) = Σ_k w_k p_k(x | condition).

    An equal mixture of flows fitted to the same data from different keys (a deep ensemble) gives new data at least the
    mean of the flows' log-likelihoods, and much more where data are few. The weights w = softmax(logits)
    are trained. A density costs as much as the densities of all components, and a draw as much as a draw from each.

    Arguments:
        components: the p_k, at least one, of one `shape` and one `cond_shape`.
        weights: w_k, positive, of any sum; equal by default.

    Raises:
        ValueError: if there is no component, the shapes of components differ, or the weights are not as stated.

    Reference:
        "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", Lakshminarayanan, Pritzel,
        Blundell, 2017.
    """

    components: tuple[AbstractDistribution, ...]
    logits: Array
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: Shapes = eqx.field(static=True)

    def __init__(self, components: Sequence[AbstractDistribution], weights: ArrayLike | None = None):
        self.components = tuple(components)
        require(len(self.components) > 0, "components", "at least one distribution", self.components)
        for name in ("shape", "cond_shape"):
            found = [getattr(component, name) for component in self.components]
            if len(set(found)) > 1:
                raise bad("components", f"of one {name}", found)
        given = as_float("weights", np.ones(len(self.components)) if weights is None else weights)
        rule = f"{len(self.components)} positive, finite numbers"
        ok = given.shape == (len(self.components),) and bool(np.all(np.isfinite(given)) and np.all(given > 0))
        require(ok, "weights", rule, weights)
        self.logits = jnp.log(given)
        self.shape = self.components[0].shape
        self.cond_shape = self.components[0].cond_shape

    @property
    def support(self) -> AbstractSupport:
        """The components' common support, or the union of their supports."""
        return union([component.support for component in self.components])

    @property
    def embeds(self) -> bool:
        """Whether a component embeds the condition."""
        return any(embeds(component) for component in self.components)

    @method
    def embed(self, condition: ConditionTree) -> ConditionTree:
        """Return a tuple of the conditions that the components receive if one embeds it, else the condition."""
        return tuple(embed_batch(component, condition) for component in self.components) if self.embeds else condition

    def held(self) -> tuple[tuple[AbstractDistribution, View], ...]:
        """Return the components, each of which sees all events."""
        return tuple((component, lambda events, condition: (events, condition)) for component in self.components)

    def with_held(self, distributions: Sequence[AbstractDistribution]) -> "Mixture":
        """Return this distribution with other parts."""
        return eqx.tree_at(lambda mixture: mixture.components, self, tuple(distributions))

    def _of_each(self, condition: ConditionTree) -> tuple[ConditionTree, ...]:
        return condition if self.embeds else (condition,) * len(self.components)

    def _log_prob_batch(self, x: Events, condition: ConditionTree) -> Scalars:
        given = zip(self.components, self._of_each(condition), strict=True)
        each = jnp.stack([log_prob_batch(component, x, part) for component, part in given])
        return jax.nn.logsumexp(each + jax.nn.log_softmax(self.logits)[:, None], axis=0)

    def _sample_and_log_prob_batch(self, keys: Keys, condition: ConditionTree) -> tuple[Events, Scalars]:
        for_choice, for_draw = jnp.moveaxis(jax.vmap(jax.random.split)(keys), 1, 0)
        chosen = jax.vmap(lambda key: jax.random.categorical(key, self.logits))(for_choice)
        given = zip(self.components, self._of_each(condition), strict=True)
        draws = [sample_and_log_prob_batch(component, for_draw, part)[0] for component, part in given]
        x = jnp.take_along_axis(jnp.stack(draws), chosen.reshape((1,) * draws[0].ndim + (-1,)), axis=0)[0]
        return x, self._log_prob_batch(x, condition)
