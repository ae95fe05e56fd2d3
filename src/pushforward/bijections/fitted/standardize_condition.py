"""Location and scale of the condition, fitted in closed form."""

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._errors import require
from ..._fields import FIXED
from ..._types import ArrayLike, Conditions, Events, Scalars
from ...numerics.tails import tails
from .._base import AbstractBijection, AbstractComposite, Part, forward_batch, inverse_batch
from .._fitted import AbstractData, AbstractFitted, flat_condition, loc_scale, require_set_or_identity
from .standardize import checked_loc_scale, is_standard


@final
class StandardizeCondition(AbstractComposite, AbstractFitted):
    """A conditional bijection that sees the standardized condition, f(z; (c - loc) / scale).

    `pushforward.fit` sets location and scale once from data, where `fitted` is False; they are saved with the model and
    never trained.

    Arguments:
        bijection: a conditional bijection.
        loc: location of the condition, of shape `bijection.cond_shape`.
        scale: positive scale of the condition, of the same shape.
        fitted: whether location and scale came from data; if not, they are 0 and 1, which `pushforward.fit` replaces.

    Raises:
        ValueError: if the bijection is unconditional, the shapes differ, a scale is not positive and finite, or
            location and scale are neither fitted nor 0 and 1.
    """

    bijection: AbstractBijection
    loc: Array = eqx.field(metadata=FIXED)
    scale: Array = eqx.field(metadata=FIXED)
    fitted: bool = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, bijection: AbstractBijection, loc: ArrayLike, scale: ArrayLike, *, fitted: bool = True):
        cond_shape = bijection.cond_shape
        require(cond_shape is not None, "bijection", "conditional", "`cond_shape None`")
        self.bijection = bijection
        self.loc, self.scale = checked_loc_scale(loc, scale)
        require_set_or_identity(fitted, is_standard(self.loc, self.scale))
        self.fitted = fitted
        self.shape = bijection.shape
        self.cond_shape = cond_shape
        require(self.loc.shape == cond_shape, "loc", f"of shape {cond_shape}", f"`shape {self.loc.shape}`")

    @classmethod
    def unfitted(cls, bijection: AbstractBijection) -> "StandardizeCondition":
        """Return the bijection with location 0 and scale 1, which fitting replaces by the conditions' own."""
        shape = bijection.cond_shape or ()
        return cls(bijection, jnp.zeros(shape), jnp.ones(shape), fitted=False)

    def parts(self) -> tuple[Part, ...]:
        """Return the bijection, which sees the standardized condition."""
        return (Part("bijection", self.bijection, condition=self._standardized),)

    def rebuild(self, bijections: Sequence[AbstractBijection]) -> "StandardizeCondition":
        """Return the one bijection in `bijections`, which sees the same standardized condition."""
        (bijection,) = bijections
        return StandardizeCondition(bijection, self.loc, self.scale, fitted=self.fitted)

    def fit_to(self, data: AbstractData) -> "StandardizeCondition":
        """Return the map with the mean and the standard deviation of each element of the condition.

        An element with a heavy tail, of which the standard deviation says nothing, has its median and a scale by its
        quartiles instead; see `TukeyH`.
        """
        dtype = jnp.result_type(self.loc, data.condition_dtype)
        of, found = data.moments(flat_condition), tails(*data.observed(flat_condition))
        of = replace(
            of, loc=np.where(found.heavy, found.loc, of.loc), scale=np.where(found.heavy, found.scale, of.scale)
        )
        return StandardizeCondition(self.bijection, *loc_scale(of, self.loc.shape, dtype))

    def inverted(self) -> "StandardizeCondition":
        """Return this map: the condition is the same in both directions."""
        return self

    def _standardized(self, condition: Conditions) -> Conditions:
        if condition is None or not self.fitted:
            return condition
        return (condition - self.loc[..., None]) / self.scale[..., None]

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return forward_batch(self.bijection, z, self._standardized(condition))

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        return inverse_batch(self.bijection, x, self._standardized(condition))
