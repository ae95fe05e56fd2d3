"""Bijections as NumPyro transforms, and supports of flows as NumPyro constraints."""

import math
from collections.abc import Callable
from functools import singledispatch
from typing import Any, final

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array
from numpyro.distributions import biject_to, constraints
from numpyro.distributions.constraints import Constraint
from numpyro.distributions.transforms import Transform

from .. import supports
from .._errors import bad, require
from .._types import Events, Scalars
from ..bijections import AbstractBijection, onto
from ..bijections._base import forward_batch, inverse_batch
from ..bijections.walk import steps
from ..distributions import AbstractDistribution, Pushforward
from ..supports import AbstractSupport


@final
class BijectionTransform(Transform):
    """A bijection as a NumPyro transform of batches; its domain is all real arrays of its shape.

    Arguments:
        bijection: the map, unconditional.
        codomain: its image.
    """

    def __init__(self, bijection: AbstractBijection, codomain: Constraint):
        self.bijection = bijection
        self._codomain = codomain

    @property
    def domain(self) -> Constraint:
        """All real arrays."""
        return real_arrays(self.bijection.shape)

    @property
    def codomain(self) -> Constraint:
        """The image."""
        return self._codomain

    def __call__(self, x: Any) -> Array:
        return _apply(forward_batch, self.bijection, x)[0]

    def call_with_intermediates(self, x: Any) -> tuple[Array, Array]:
        """Return f(x) and log|det df/dx|."""
        return _apply(forward_batch, self.bijection, x)

    def _inverse(self, y: Any) -> Array:
        return _apply(inverse_batch, self.bijection, y)[0]

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> Array:
        """Return log|det df/dx|, which is the intermediates if they are given."""
        return _apply(forward_batch, self.bijection, x)[1] if intermediates is None else intermediates

    def tree_flatten(self) -> tuple[Any, Any]:
        """Return the arrays, and the data that rebuild the transform from them."""
        return (self.bijection, self._codomain), (("bijection", "_codomain"), {})


@final
class _InSupport(Constraint):
    """A support for which NumPyro has no constraint."""

    def __init__(self, support: AbstractSupport):
        self.support = support

    @property
    def event_dim(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]  # as NumPyro's own do
        return len(self.support.shape)

    def __call__(self, x: Any) -> Array:
        return self.support.contains(x)

    def feasible_like(self, prototype: Any) -> Array:
        return _apply(forward_batch, onto(self.support), jnp.zeros_like(prototype))[0]

    def tree_flatten(self) -> tuple[Any, Any]:
        return (self.support,), (("support",), {})


@biject_to.register(_InSupport)
def _onto_support(constraint: _InSupport) -> BijectionTransform:
    return BijectionTransform(onto(constraint.support), constraint)


def support_of(flow: AbstractDistribution) -> Constraint:
    """Return the support of a flow: all real arrays, or their image under the flow's last bijections.

    Raises:
        ValueError: if the support is not known from the flow.
    """
    remedy = "It cannot be told from this flow; pass one of `numpyro.distributions.constraints`."
    base, last = flow, None
    while isinstance(base, Pushforward):
        last = last or steps(base.bijection)[-1].bijection
        base = base.base
    try:
        is_told, support = isinstance(base.support, supports.Real), flow.support
    except ValueError:
        raise bad("support", "given", None, remedy) from None
    require(is_told, "support", "given", None, remedy)
    return _constraint(support, last)


@singledispatch
def _constraint(support: AbstractSupport, last: AbstractBijection | None) -> Constraint:
    """Return a support as a constraint; `last` is the bijection onto it."""
    return _InSupport(support)


@_constraint.register
def _(support: supports.Real, last: AbstractBijection | None) -> Constraint:
    return real_arrays(support.shape)


@_constraint.register
def _(support: supports.Positive, last: AbstractBijection | None) -> Constraint:
    # NumPyro has two constraints for this set, one per bijection from the line: softplus, as here, and exp.
    is_ours = type(last) is type(onto(support))
    return _of_elements(constraints.softplus_positive if is_ours else constraints.positive, support.shape)


@_constraint.register
def _(support: supports.Interval, last: AbstractBijection | None) -> Constraint:
    # NumPyro never treats two JAX arrays as equal, so that two intervals would never be equal.
    ends = (end if isinstance(end, Tracer) else np.asarray(end) for end in (support.low, support.high))
    return _of_elements(constraints.interval(*ends), support.shape)


def real_arrays(shape: tuple[int, ...]) -> Constraint:
    """Return the constraint that allows every real array of a shape."""
    named = {0: constraints.real, 1: constraints.real_vector, 2: constraints.real_matrix}
    return named.get(len(shape)) or constraints.independent(constraints.real, len(shape))


def _of_elements(constraint: Constraint, shape: tuple[int, ...]) -> Constraint:
    """Return the constraint of arrays whose elements satisfy `constraint`."""
    return constraints.independent(constraint, len(shape)) if shape else constraint


def _apply(
    direction: Callable[[AbstractBijection, Events, None], tuple[Events, Scalars]],
    bijection: AbstractBijection,
    events: Any,
) -> tuple[Array, Array]:
    """Map events of any leading axes; return the events and the log-determinants."""
    events = jnp.asarray(events)
    batch = events.shape[: events.ndim - len(bijection.shape)]
    flat = jnp.moveaxis(events.reshape((math.prod(batch), *bijection.shape)), 0, -1)
    out, log_det = direction(bijection, flat, None)
    return jnp.moveaxis(out, -1, 0).reshape(events.shape), log_det.reshape(batch)
