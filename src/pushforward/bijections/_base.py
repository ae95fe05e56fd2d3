"""The contract of an invertible map of one event."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import equinox as eqx
import jax

from .._arrays import as_float
from .._errors import bad
from .._methods import method
from .._types import ArrayLike, Condition, Conditions, Event, Events, Scalar, Scalars


class AbstractBijection(eqx.Module):
    """An invertible map x = f(z) of one event of `shape`, with its log-determinant.

    `forward` is base -> data (generate), `inverse` is data -> base (normalize). Both directions always
    exist. A subclass gives `_forward_and_log_det` and `_inverse_and_log_det`; it inherits the public methods, which
    check shapes. For a batch, use `jax.vmap`. A map that is neither a composite nor an `AbstractConstraint` maps all
    real arrays onto all real arrays.

    Attributes:
        shape: the shape of one event.
        cond_shape: the shape of the condition of one event, or None for an unconditional map.
    """

    shape: eqx.AbstractVar[tuple[int, ...]]
    cond_shape: eqx.AbstractVar[tuple[int, ...] | None]

    @abstractmethod
    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        """Return f(z) and log|det df/dz|; shapes are already checked."""

    @abstractmethod
    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        """Return f⁻¹(x) and log|det df⁻¹/dx|; shapes are already checked."""

    @method
    def forward_and_log_det(self, z: ArrayLike, condition: ArrayLike | None = None) -> tuple[Event, Scalar]:
        """Return x = f(z) and log|det df/dz|.

        Arguments:
            z: one event, of shape `shape`.
            condition: of shape `cond_shape`; None where that is None.

        Raises:
            ValueError: if a shape is not as stated. For a batch, use `jax.vmap`.
        """
        return self._forward_and_log_det(*self._checked("z", z, condition))

    @method
    def inverse_and_log_det(self, x: ArrayLike, condition: ArrayLike | None = None) -> tuple[Event, Scalar]:
        """Return z = f⁻¹(x) and log|det df⁻¹/dx|.

        Arguments:
            x: one event, of shape `shape`.
            condition: of shape `cond_shape`; None where that is None.

        Raises:
            ValueError: if a shape is not as stated. For a batch, use `jax.vmap`.
        """
        return self._inverse_and_log_det(*self._checked("x", x, condition))

    @method
    def forward(self, z: ArrayLike, condition: ArrayLike | None = None) -> Event:
        """Return x = f(z); see `forward_and_log_det`."""
        return self.forward_and_log_det(z, condition)[0]

    @method
    def inverse(self, x: ArrayLike, condition: ArrayLike | None = None) -> Event:
        """Return z = f⁻¹(x); see `inverse_and_log_det`."""
        return self.inverse_and_log_det(x, condition)[0]

    def _checked(self, name: str, event: ArrayLike, condition: ArrayLike | None) -> tuple[Event, Condition]:
        event = as_float(name, event)
        if event.shape != self.shape:
            remedy = "A bijection maps one event; use `jax.vmap` for a batch."
            raise bad(name, f"an array of shape {self.shape}", f"`shape {event.shape}`", remedy)
        if self.cond_shape is None:
            if condition is not None:
                raise bad("condition", "None for an unconditional map", condition)
            return event, None
        if condition is None:
            raise bad("condition", f"an array of shape {self.cond_shape}", condition)
        condition = as_float("condition", condition)
        if condition.shape != self.cond_shape:
            raise bad("condition", f"an array of shape {self.cond_shape}", f"`shape {condition.shape}`")
        return event, condition


class AbstractBatchBijection(AbstractBijection):
    """A bijection that maps a batch at once: events and conditions carry the batch as their last axis.

    Compilers vectorize along the last axis, and the batch is the long axis. A subclass gives the two maps of a batch;
    one event is mapped as a batch of one.
    """

    @abstractmethod
    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        """Return f(z) and log|det df/dz|; shapes (*shape, n) and (n,)."""

    @abstractmethod
    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        """Return f⁻¹(x) and log|det df⁻¹/dx|; shapes (*shape, n) and (n,)."""

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        x, log_det = self._forward_batch(z[..., None], None if condition is None else condition[..., None])
        return x[..., 0], log_det[0]

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        z, log_det = self._inverse_batch(x[..., None], None if condition is None else condition[..., None])
        return z[..., 0], log_det[0]


def _whole(events: Events) -> Events:
    return events


def _replaced(events: Events, moved: Events) -> Events:
    return moved


def _same(condition: Conditions) -> Conditions:
    return condition


@final
@dataclass(frozen=True)
class Part:
    """One of the maps that make up a composite, and the events and condition that this map sees.

    Attributes:
        name: the composite's name for it, such as "bijections[1]".
        bijection: the map.
        take: (events of the composite) -> the events that the part maps. The batch is the last axis of both.
        put: (events of the composite, mapped events of the part) -> events of the composite.
        condition: (condition of the composite) -> the condition that the part sees.
        inverted: whether the composite, from base to data, runs the part from its data side to its base side.
    """

    name: str
    bijection: AbstractBijection
    take: Callable[[Events], Events] = _whole
    put: Callable[[Events, Events], Events] = _replaced
    condition: Callable[[Conditions], Conditions] = _same
    inverted: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the part maps whole events of the composite."""
        return self.take is _whole


class AbstractComposite(AbstractBatchBijection):
    """A bijection made of other bijections, its parts.

    The parts, run one after the other, each on the events that it takes, give the composite; its log-determinant is
    the sum of theirs. Code that visits every map of a flow (to set it from data, to find where a number became NaN, to
    find its support) uses this class only; see `pushforward.bijections.walk`.
    """

    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """Return the parts in order from base to data."""

    @abstractmethod
    def rebuild(self, bijections: Sequence[AbstractBijection]) -> "AbstractComposite":
        """Return this composite with its parts replaced by `bijections`, in the order of `parts`."""


class AbstractSequence(AbstractComposite):
    """A composite whose parts map whole events; any consecutive parts form a map of their own.

    So parts can be removed from its ends; the layers of a `Stack` cannot, since they share each array.
    """


def forward_batch(bijection: AbstractBijection, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
    """Return f(z) and log|det df/dz|; the batch is the last axis, and the condition is dropped if f takes none."""
    condition = condition_for(bijection, condition)
    if isinstance(bijection, AbstractBatchBijection):
        return bijection._forward_batch(z, condition)
    return jax.vmap(bijection._forward_and_log_det, in_axes=-1, out_axes=-1)(z, condition)


def inverse_batch(bijection: AbstractBijection, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
    """Return f⁻¹(x) and log|det df⁻¹/dx|; the batch is the last axis, and the condition is dropped if f takes none."""
    condition = condition_for(bijection, condition)
    if isinstance(bijection, AbstractBatchBijection):
        return bijection._inverse_batch(x, condition)
    return jax.vmap(bijection._inverse_and_log_det, in_axes=-1, out_axes=-1)(x, condition)


def condition_for(bijection: AbstractBijection, condition: Condition) -> Condition:
    """Return the condition for a part of a composite: None if the part takes none."""
    return None if bijection.cond_shape is None else condition


def merge_cond_shapes(parts: tuple[AbstractBijection, ...]) -> tuple[int, ...] | None:
    """Return the common `cond_shape` of the conditional parts, None if no part is conditional.

    Raises:
        ValueError: if two parts disagree.
    """
    shapes = {b.cond_shape for b in parts if b.cond_shape is not None}
    if len(shapes) > 1:
        raise bad("bijections", "conditioned on one shape", sorted(shapes))
    return shapes.pop() if shapes else None
