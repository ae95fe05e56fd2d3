"""The contract of a set that one event lives in."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float

from .._arrays import as_float
from .._errors import require
from .._types import ArrayLike, Event

#: Events whose batch, of any number of axes, comes behind the axes of one event; or one event.
Batch = Float[Array, "..."]
#: A truth for each element of such events, or for each event.
Mask = Bool[Array, "..."]


class AbstractSupport(eqx.Module):
    """The set that one event of `shape` lives in.

    A subclass says what lies outside, in words too, and what a network is to see of an event. `outside` and `features`
    take the batch behind the event, as bijections do; `contains` takes it in front, as distributions do.

    Attributes:
        shape: the shape of one event.
    """

    shape: eqx.AbstractVar[tuple[int, ...]]

    @property
    @abstractmethod
    def measure(self) -> str:
        """What a density on the set is a density with respect to.

        "lebesgue" (volume, per unit of x), "counting" (a probability for each value), "surface" (area), or, of several
        side by side, their product, as "lebesgue x counting".
        """

    @property
    @abstractmethod
    def rule(self) -> str:
        """What every event of the set is, in words that go on from "is not", such as "positive"."""

    @abstractmethod
    def outside(self, x: Batch) -> Mask:
        """Return what is outside: for each element if every element is judged alone, else for each event.

        NaN is not outside, so that the density there is NaN and not zero.

        Arguments:
            x: shape (*shape, *batch).

        Returns:
            Shape (*shape, *batch) or (*batch).
        """

    @abstractmethod
    def features(self, x: Batch) -> Batch:
        """Return what a network is to see of events: shape (*shape, *batch) to (num_features, *batch)."""

    @abstractmethod
    def explain(self, x: ArrayLike) -> str:
        """Return which rule one event breaks, such as "element 2 is -1, not positive"; "" if it breaks none."""

    @property
    def num_features(self) -> int:
        """The numbers that a network sees of one event."""
        return jax.eval_shape(self.features, jax.ShapeDtypeStruct(self.shape, jnp.result_type(float))).shape[0]

    def contains(self, x: ArrayLike) -> Bool[Array, "..."]:
        """Return which events are in the set; those with NaN or infinite numbers are not.

        Arguments:
            x: shape (..., *shape).

        Returns:
            Shape (...).

        Raises:
            ValueError: if the last axes are not of `shape`.
        """
        x = as_float("x", x)
        batch = x.ndim - len(self.shape)
        fits = batch >= 0 and x.shape[batch:] == self.shape
        require(fits, "x", f"of trailing shape {self.shape}", f"`shape {x.shape}`")
        events = jnp.moveaxis(x, range(batch), range(-batch, 0))
        return ~(events_outside(self, events) | jnp.any(~jnp.isfinite(events), axis=tuple(range(len(self.shape)))))

    def equals(self, other: "AbstractSupport") -> bool:
        """Return whether both are one set, built alike; False where numbers are not known yet, inside `jax.jit`."""
        if jax.tree.structure(self) != jax.tree.structure(other):
            return False
        pairs = zip(jax.tree.leaves(self), jax.tree.leaves(other), strict=True)
        return all(a is b or (not _is_unknown(a, b) and np.array_equal(a, b)) for a, b in pairs)


class AbstractSimpleSupport(AbstractSupport):
    """A support of one rule."""

    def explain(self, x: ArrayLike) -> str:
        """Return which rule one event breaks, such as "element 2 is -1, not positive"; "" if it breaks none."""
        event = checked_event(self, x)
        for wrong, rule in ((~np.isfinite(event), "a finite number"), (np.asarray(self.outside(event)), self.rule)):
            if wrong.any():
                if wrong.shape != event.shape or not event.shape:
                    return f"it is {np.asarray(event).tolist()}, not {rule}"
                first = tuple(int(i) for i in np.argwhere(wrong)[0])
                return f"element {first[0] if len(first) == 1 else first} is {event[first]:g}, not {rule}"
        return ""


def checked_event(support: AbstractSupport, x: ArrayLike) -> Event:
    """Return one event as an array, after a check of its shape."""
    x = as_float("x", x)
    require(x.shape == support.shape, "x", f"one event, of shape {support.shape}", f"`shape {x.shape}`")
    return x


def events_outside(support: AbstractSupport, x: Batch) -> Mask:
    """Return which events, shape (*shape, *batch), have an element outside: shape (*batch)."""
    mask = support.outside(x)
    return jnp.any(mask, axis=tuple(range(mask.ndim - (x.ndim - len(support.shape)))))


def flat(support: AbstractSupport, x: Batch) -> Batch:
    """Return the elements of events, shape (*shape, *batch), along one axis: shape (elements, *batch)."""
    return x.reshape((-1, *x.shape[len(support.shape) :]))


def beside(constants: Array, x: Batch) -> Array:
    """Return constants of the shape of one event with an axis for each of the batch."""
    return jnp.expand_dims(constants, tuple(range(constants.ndim, x.ndim)))


def _is_unknown(*leaves: Any) -> bool:
    return any(isinstance(leaf, Tracer) for leaf in leaves)
