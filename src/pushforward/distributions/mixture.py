"""Several densities, each with a share of the mass."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._arrays import as_float
from .._errors import bad, require
from .._types import ArrayLike, Conditions, Events, Keys, Scalars
from ..supports import AbstractSupport
from ..supports.union import union
from ._base import AbstractBatchDistribution, AbstractDistribution, log_prob_batch, sample_and_log_prob_batch


@final
class Mixture(AbstractBatchDistribution):
    """A mixture: p(x | condition) = Σ_k w_k p_k(x | condition).

    An equal mixture of flows that were fitted to the same data from different keys (a deep ensemble) gives new data at
    least the mean of their log-likelihoods, and much more where data are few. The weights w = softmax(logits)
    are trained. Both the density and a draw cost as much as those of all components together.

    Arguments:
        components: the p_k, at least one, of one `shape` and one `cond_shape`.
        weights: w_k, positive, of any sum; equal by default.

    Raises:
        ValueError: if there is no component, their shapes differ, or the weights are not as stated.

    Reference:
        "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", Lakshminarayanan, Pritzel,
        Blundell, 2017.
    """

    components: tuple[AbstractDistribution, ...]
    logits: Array
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

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
        """The components' support, or the union of several."""
        return union([component.support for component in self.components])

    def _log_prob_batch(self, x: Events, condition: Conditions) -> Scalars:
        each = jnp.stack([log_prob_batch(component, x, condition) for component in self.components])
        return jax.nn.logsumexp(each + jax.nn.log_softmax(self.logits)[:, None], axis=0)

    def _sample_and_log_prob_batch(self, keys: Keys, condition: Conditions) -> tuple[Events, Scalars]:
        for_choice, for_draw = jnp.moveaxis(jax.vmap(jax.random.split)(keys), 1, 0)
        chosen = jax.vmap(lambda key: jax.random.categorical(key, self.logits))(for_choice)
        draws = [sample_and_log_prob_batch(component, for_draw, condition)[0] for component in self.components]
        x = jnp.take_along_axis(jnp.stack(draws), chosen.reshape((1,) * draws[0].ndim + (-1,)), axis=0)[0]
        return x, self._log_prob_batch(x, condition)
