"""The contract of a set of possible events."""

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

#: Events whose batch axes, of any number, come after the axes of one event; or one event.
Batch = Float[Array, "..."]
#: A boolean for each element of such events, or for each event.
Mask = Bool[Array, "..."]


class AbstractSupport(eqx.Module):
    """The set of possible events of `shape`.

    A subclass tests which events lie outside, states its rule in words, and gives the features of an event for a
    network. In `outside` and `features` batch axes come after the axes of an event, as in bijections; in `contains`
    they come first, as in distributions.

    Attributes:
        shape: the shape of one event.
    """

    shape: eqx.AbstractVar[tuple[int, ...]]

    @property
    @abstractmethod
    def measure(self) -> str:
        """The measure that densities on the set refer to.

        "lebesgue" (volume, per unit of x), "counting" (a probability for each value), "surface" (area), or the product
        of these for supports side by side, such as "lebesgue x counting".
        """

    @property
    @abstractmethod
    def rule(self) -> str:
        """The property of every event of the set, in words that can follow "is not", such as "positive"."""

    @abstractmethod
    def outside(self, x: Batch) -> Mask:
        """Return which elements are outside or, if the rule joins elements, which events are.

        NaN is not outside, so that its density is NaN and not zero.

        Arguments:
            x: shape (*shape, *batch).

        Returns:
            Shape (*shape, *batch) or (*batch).
        """

    @abstractmethod
    def features(self, x: Batch) -> Batch:
        """Return the features of events for a network: shape (*shape, *batch) to (num_features, *batch)."""

    @abstractmethod
    def explain(self, x: ArrayLike) -> str:
        """Return which rule one event breaks, such as "element 2 is -1, not positive"; "" if it breaks none."""

    @property
    def num_features(self) -> int:
        """The number of features of one event."""
        return jax.eval_shape(self.features, jax.ShapeDtypeStruct(self.shape, jnp.result_type(float))).shape[0]

    def contains(self, x: ArrayLike) -> Bool[Array, "..."]:
        """Return which events are in the set; events with NaN or infinite numbers are not.

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
        """Return whether both are the same set, built alike; False for numbers unknown inside `jax.jit`."""
        if jax.tree.structure(self) != jax.tree.structure(other):
            return False
        pairs = zip(jax.tree.leaves(self), jax.tree.leaves(other), strict=True)
        return all(a is b or (not _is_unknown(a, b) and np.array_equal(a, b)) for a, b in pairs)


class AbstractSimpleSupport(AbstractSupport):
    """A support with one rule."""

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
    """Return constants of the shape of one event, with an axis added for each batch axis of x."""
    return jnp.expand_dims(constants, tuple(range(constants.ndim, x.ndim)))


def _is_unknown(*leaves: Any) -> bool:
    return any(isinstance(leaf, Tracer) for leaf in leaves)
