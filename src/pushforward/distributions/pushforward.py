"""The distribution of x = f(z) for z from a base distribution."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp

from .._errors import bad
from .._types import Condition, Event, Key, Scalar
from ..bijections._base import AbstractBijection
from ._base import AbstractDistribution


@final
class Pushforward(AbstractDistribution):
    """The density of x = f(z), z ~ base: a normalizing flow.

        log p(x) = log p_base(f⁻¹(x)) + log|det df⁻¹/dx|

    Arguments:
        base: the distribution of z. May be conditional.
        bijection: f, of the base's `shape`. May be conditional, on the same shape as the base.

    Raises:
        ValueError: if the shapes of the two disagree.

    Reference:
        "Normalizing Flows for Probabilistic Modeling and Inference", Papamakarios, Nalisnick, Rezende,
        Mohamed, Lakshminarayanan, 2021.
    """

    base: AbstractDistribution
    bijection: AbstractBijection
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

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

    def _log_prob(self, x: Event, condition: Condition) -> Scalar:
        z, log_det = self.bijection.inverse_and_log_det(x, self._for(self.bijection, condition))
        return self.base._log_prob(z, self._for(self.base, condition)) + log_det

    def _sample_and_log_prob(self, key: Key, condition: Condition) -> tuple[Event, Scalar]:
        z, log_prob = self.base._sample_and_log_prob(key, self._for(self.base, condition))
        # A base without parameters draws in JAX's default dtype, which would turn a float32 model into a float64 one.
        dtypes = [leaf.dtype for leaf in jax.tree.leaves(self.bijection) if eqx.is_inexact_array(leaf)]
        if dtypes:
            z, log_prob = z.astype(jnp.result_type(*dtypes)), log_prob.astype(jnp.result_type(*dtypes))
        x, log_det = self.bijection.forward_and_log_det(z, self._for(self.bijection, condition))
        return x, log_prob - log_det

    def _for(self, part: AbstractBijection | AbstractDistribution, condition: Condition) -> Condition:
        return None if part.cond_shape is None else condition
