"""Mixtures of densities."""

import math
from collections.abc import Sequence
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from .._arrays import as_float
from .._errors import bad, require
from .._methods import method
from .._shapes import Shapes
from .._types import ArrayLike, ConditionTree, Events, Keys, Scalars
from ..parallel.members import for_each
from ..supports import AbstractSupport
from ..supports.union import union
from ._base import (
    AbstractDistribution,
    AbstractEmbeddingDistribution,
    View,
    embed_batch,
    embeds,
    log_prob_batch,
    sample_batch,
)


@final
class Mixture(AbstractEmbeddingDistribution):
    """A mixture: p(x | condition) = Σ_k w_k p_k(x | condition).

    An equal mixture of flows fitted to the same data from different keys (a deep ensemble) gives new data at least the
    mean of the flows' log-likelihoods, and much more where data are few. The weights w = softmax(logits)
    are trained. A density costs as much as the densities of all components. Components of one structure, such as
    flows of one architecture, are compiled once for all; a draw from them costs little more than one from a component.
    A draw from components of several structures costs as much as a draw from each.

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
        given = np.asarray(as_float("weights", np.ones(len(self.components)) if weights is None else weights))
        rule = f"{len(self.components)} positive, finite numbers"
        ok = given.shape == (len(self.components),) and bool(np.all(np.isfinite(given)) and np.all(given > 0))
        require(ok, "weights", rule, weights)
        self.logits = jax.device_put(np.log(given))
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
        given = self._of_each(condition)
        if stacked := _stacked(self.components):
            if self.embeds:
                each = for_each(lambda part, at: log_prob_batch(part, x, at), stacked, _stack(given))
            else:
                each = for_each(lambda part: log_prob_batch(part, x, condition), stacked)
        else:
            parts = zip(self.components, given, strict=True)
            each = jnp.stack([log_prob_batch(component, x, part) for component, part in parts])
        return jax.nn.logsumexp(each + jax.nn.log_softmax(self.logits)[:, None], axis=0)

    def _sample_and_log_prob_batch(self, keys: Keys, condition: ConditionTree) -> tuple[Events, Scalars]:
        for_choice, for_draw = jnp.moveaxis(jax.vmap(jax.random.split)(keys), 1, 0)
        chosen = jax.vmap(lambda key: jax.random.categorical(key, self.logits))(for_choice)
        given = self._of_each(condition)
        if stacked := _stacked(self.components):
            x = _draw_grouped(stacked, chosen, for_draw, _stack(given) if self.embeds else condition, self.embeds)
        else:
            parts = zip(self.components, given, strict=True)
            draws = jnp.stack([sample_batch(component, for_draw, part) for component, part in parts])
            x = jnp.take_along_axis(draws, chosen.reshape((1,) * (draws.ndim - 1) + (-1,)), axis=0)[0]
        return x, self._log_prob_batch(x, condition)


def _stack(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *arrays: jnp.stack(arrays), *trees)


def _stacked(components: Sequence[AbstractDistribution]) -> AbstractDistribution | None:
    """Return the components as one, with stacked arrays; None if they differ in structure."""
    structures = {jax.tree.structure(component) for component in components}
    shapes = {tuple((jnp.shape(a), jnp.result_type(a)) for a in jax.tree.leaves(part)) for part in components}
    return _stack(components) if len(structures) == len(shapes) == 1 else None


def _draw_grouped(
    stacked: AbstractDistribution, chosen: Int[Array, " n"], keys: Keys, conditions: ConditionTree, own: bool
) -> Events:
    """Return a draw for each of n keys, from its chosen component; each group of events draws from one component.

    A component has a group for each `size` events, the last of which may have fewer: no more than one such group for
    each component, so that nearly all work is used.

    Arguments:
        stacked: the components.
        chosen: the index of the component of each event.
        keys: of each event.
        conditions: of each event, the last axis; behind the axis of the components if each has its `own`.
    """
    n, count = len(chosen), len(jax.tree.leaves(stacked)[0])
    size = math.ceil(n / (4 * count))
    groups = min(n, math.ceil(n / size) + count - 1)
    order = jnp.argsort(chosen, stable=True)
    events_of = jnp.bincount(chosen, length=count)
    ends, last_group = jnp.cumsum(events_of), jnp.cumsum(-(-events_of // size))

    def group(x: Events, number: Int[Array, ""]) -> tuple[Events, None]:
        which = jnp.minimum(jnp.searchsorted(last_group, number, side="right"), count - 1)
        before = jnp.where(which > 0, last_group[which - 1], 0)
        places = ends[which] - events_of[which] + (number - before) * size + jnp.arange(size)
        events = order[jnp.minimum(places, n - 1)]
        component = jax.tree.map(lambda a: a[which], stacked)
        given = jax.tree.map(lambda c: (c[which] if own else c)[..., events], conditions)
        draws = sample_batch(component, keys[events], given).astype(x.dtype)
        # Beyond the events of the component, a draw goes nowhere.
        return x.at[..., jnp.where(places < ends[which], events, n)].set(draws, mode="drop"), None

    one, of_one = (jax.tree.map(lambda a: a[0], tree) for tree in (stacked, conditions if own else ()))
    like = jax.eval_shape(sample_batch, one, keys, of_one if own else conditions)
    return jax.lax.scan(group, jnp.zeros(like.shape, like.dtype), jnp.arange(groups))[0]
