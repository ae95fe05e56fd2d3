"""Bijections as NumPyro transforms, and where a flow lives as a NumPyro constraint."""

import math
from collections.abc import Callable
from typing import Any, final

import jax
import jax.numpy as jnp
from jaxtyping import Array
from numpyro.distributions import biject_to, constraints
from numpyro.distributions.constraints import Constraint
from numpyro.distributions.transforms import Transform

from .._errors import bad, require
from .._types import Events, Scalars
from ..bijections import (
    AbstractBijection,
    Chain,
    CorrelationCholesky,
    Exp,
    NormalCDF,
    Ordered,
    Sigmoid,
    Softplus,
    StandardizeCondition,
    StickBreaking,
    Tanh,
)
from ..bijections._base import forward_batch, inverse_batch
from ..distributions import AbstractDistribution, Pushforward, Uniform

#: The maps of the line onto a part of it.
_BOUNDED = (CorrelationCholesky, Exp, NormalCDF, Ordered, Sigmoid, Softplus, StickBreaking, Tanh)


@final
class BijectionTransform(Transform):
    """A bijection as a NumPyro transform of batches; its domain is that of all real arrays of its shape.

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
        """Return log|det df/dx|, the intermediates if these are there."""
        return _apply(forward_batch, self.bijection, x)[1] if intermediates is None else intermediates

    def tree_flatten(self) -> tuple[Any, Any]:
        """Return the arrays and how to put them together again."""
        return (self.bijection, self._codomain), (("bijection", "_codomain"), {})


@final
class _Image(Constraint):
    """The image of all real arrays under a bijection."""

    def __init__(self, bijection: AbstractBijection):
        self.bijection = bijection

    @property
    def event_dim(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]  # as NumPyro's own do
        return len(self.bijection.shape)

    def __call__(self, x: Any) -> Array:
        # Outside the image the log-determinant of the inverse is -inf.
        return jnp.isfinite(_apply(inverse_batch, self.bijection, x)[1])

    def feasible_like(self, prototype: Any) -> Array:
        return _apply(forward_batch, self.bijection, jnp.zeros_like(prototype))[0]

    def tree_flatten(self) -> tuple[Any, Any]:
        return (self.bijection,), (("bijection",), {})


@biject_to.register(_Image)
def _onto_image(image: _Image) -> BijectionTransform:
    return BijectionTransform(image.bijection, image)


def real_arrays(shape: tuple[int, ...]) -> Constraint:
    """Return the constraint that allows every real array of a shape."""
    named = {0: constraints.real, 1: constraints.real_vector, 2: constraints.real_matrix}
    return named.get(len(shape)) or constraints.independent(constraints.real, len(shape))


def support_of(flow: AbstractDistribution) -> Constraint:
    """Return where the density is positive: all real arrays, or what the flow's last bijections map these onto.

    Raises:
        ValueError: if that cannot be told from the flow.
    """
    remedy = "It cannot be told from this flow; pass one of `numpyro.distributions.constraints`."
    base, parts = flow, []
    while isinstance(base, Pushforward):
        parts = _parts(base.bijection) + parts
        base = base.base
    require(not isinstance(base, Uniform), "support", "given", None, remedy)
    # What comes before the first bounded map is a map of all real arrays onto themselves.
    first = next((i for i, part in enumerate(parts) if _is_bounded(part)), len(parts))
    rest = parts[first:]
    if not rest:
        return real_arrays(flow.shape)
    image = rest[0] if len(rest) == 1 else Chain(rest)
    if image.cond_shape is not None:
        raise bad("support", "given", None, remedy)
    of_elements = _of_elements(image)
    if of_elements is None:
        return _Image(image)
    return constraints.independent(of_elements, len(flow.shape)) if flow.shape else of_elements


def _of_elements(bijection: AbstractBijection) -> Constraint | None:
    """Return the constraint on each element of the image, if NumPyro has it."""
    if isinstance(bijection, Exp):
        return constraints.positive
    if isinstance(bijection, Softplus):
        # NumPyro maps the line onto it by softplus, too.
        return constraints.softplus_positive
    if isinstance(bijection, NormalCDF | Sigmoid):
        return constraints.interval(bijection.low, bijection.high)
    return constraints.interval(-1.0, 1.0) if isinstance(bijection, Tanh) else None


def _parts(bijection: AbstractBijection) -> list[AbstractBijection]:
    """Return the maps of a composition, from base to data."""
    if isinstance(bijection, Chain):
        return [part for b in bijection.bijections for part in _parts(b)]
    return _parts(bijection.bijection) if isinstance(bijection, StandardizeCondition) else [bijection]


def _is_bounded(bijection: AbstractBijection) -> bool:
    nodes = jax.tree.leaves(bijection, is_leaf=lambda node: isinstance(node, _BOUNDED))
    return any(isinstance(node, _BOUNDED) for node in nodes)


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
