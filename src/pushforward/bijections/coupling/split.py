"""Splits of an event into the elements that a coupling passes through and the elements that it maps."""

from abc import abstractmethod
from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._errors import require
from ..._types import Events


class AbstractSplit(eqx.Module):
    """The two parts of an event in a coupling: one part passes through and sets the map of the other.

    The batch is the last axis of events.
    """

    @abstractmethod
    def shapes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of the results of `seen` and `moved` for one event of `shape`.

        Raises:
            ValueError: if such an event cannot be split.
        """

    @abstractmethod
    def seen(self, events: Events) -> Events:
        """Return the part that passes through, as the network sees it."""

    @abstractmethod
    def moved(self, events: Events) -> Events:
        """Return the part that is mapped."""

    @abstractmethod
    def join(self, events: Events, moved: Events, log_derivative: Array) -> tuple[Events, Array]:
        """Return the events with the mapped part replaced, and the log-derivatives whose sum is the log-determinant.

        Arguments:
            events: the events before the map.
            moved: the mapped part, after the map.
            log_derivative: of each element of `moved`.
        """


@final
class Halves(AbstractSplit):
    """The first half of the elements along an axis passes through; it is the smaller half if their number is odd.

    Arguments:
        axis: of the event: 0 for a vector, 2 for the channels of an image.
        other: whether the other half passes through instead.
    """

    axis: int = eqx.field(static=True, default=0)
    other: bool = eqx.field(static=True, default=False)

    def shapes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of the halves."""
        require(0 <= self.axis < len(shape), "axis", f"an axis of events of shape {shape}", self.axis)
        size = shape[self.axis]
        halves = [(*shape[: self.axis], n, *shape[self.axis + 1 :]) for n in (size // 2, size - size // 2)]
        return (halves[1], halves[0]) if self.other else (halves[0], halves[1])

    def seen(self, events: Events) -> Events:
        """Return the half that passes through."""
        return self._halves(events)[int(self.other)]

    def moved(self, events: Events) -> Events:
        """Return the half that is mapped."""
        return self._halves(events)[1 - int(self.other)]

    def join(self, events: Events, moved: Events, log_derivative: Array) -> tuple[Events, Array]:
        """Return both halves."""
        seen = self.seen(events).astype(moved.dtype)
        return jnp.concatenate([moved, seen] if self.other else [seen, moved], axis=self.axis), log_derivative

    def _halves(self, events: Events) -> list[Events]:
        return jnp.split(events, [events.shape[self.axis] // 2], axis=self.axis)


@final
class Checkerboard(AbstractSplit):
    """The pixels of an image (height, width, channels) whose row + column is even pass through.

    The network sees the whole image, with zeros in place of the other pixels.

    Arguments:
        other: whether the other pixels pass through instead.

    Reference:
        "Density Estimation using Real NVP", Dinh, Sohl-Dickstein, Bengio, 2017, section 3.4.
    """

    other: bool = eqx.field(static=True, default=False)

    def shapes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shape of the image, twice."""
        require(len(shape) == 3, "shape", "(height, width, channels)", shape)
        return shape, shape

    def seen(self, events: Events) -> Events:
        """Return the image with zeros in place of the pixels that are mapped."""
        return jnp.where(self._passes(events), events, 0.0)

    def moved(self, events: Events) -> Events:
        """Return the image with zeros in place of the pixels that pass, so that these cannot spoil a gradient."""
        return jnp.where(self._passes(events), 0.0, events)

    def join(self, events: Events, moved: Events, log_derivative: Array) -> tuple[Events, Array]:
        """Return the image of both kinds of pixels; pixels that pass have log-derivative 0."""
        passes = self._passes(events)
        return jnp.where(passes, events, moved), jnp.where(passes, 0.0, log_derivative)

    def _passes(self, events: Events) -> Array:
        rows, columns = np.indices(events.shape[:2])
        return jnp.asarray((rows + columns) % 2 == int(self.other))[:, :, None, None]
