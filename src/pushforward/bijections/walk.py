"""The maps of a bijection that are no composites, each with its path and the events that it sees."""

from dataclasses import dataclass
from typing import final

from .._types import Conditions, Events, Scalars
from ._base import AbstractBijection, AbstractComposite, AbstractSequence, Part, forward_batch, inverse_batch
from .composites.chain import Chain
from .composites.invert import Invert
from .elementwise.identity import Identity


@final
@dataclass(frozen=True)
class Step:
    """A map that is no composite, as one step on the way from base to data.

    Its methods take events and conditions of the whole bijection, with the batch as their last axis.

    Attributes:
        path: how Python reaches the map, such as "bijection.bijections[1].layers()[0]".
        bijection: the map.
        parts: the parts that lead to it, the outermost first.
        inverted: whether the way from base to data goes through its inverse.
    """

    path: str
    bijection: AbstractBijection
    parts: tuple[Part, ...] = ()
    inverted: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the map sees whole events as they are."""
        return all(part.is_whole for part in self.parts)

    @property
    def map(self) -> AbstractBijection:
        """The map in the direction from base to data."""
        return Invert(self.bijection) if self.inverted else self.bijection

    def sees(self, events: Events, condition: Conditions) -> tuple[Events, Conditions]:
        """Return the events and the condition that the map sees."""
        for part in self.parts:
            events, condition = part.take(events), part.condition(condition)
        return events, condition

    def forward(self, events: Events, condition: Conditions) -> tuple[Events, Scalars]:
        """Return the events one step nearer the data, and the log-determinants."""
        return self._run(events, condition, to_data=True)

    def inverse(self, events: Events, condition: Conditions) -> tuple[Events, Scalars]:
        """Return the events one step nearer the base, and the log-determinants."""
        return self._run(events, condition, to_data=False)

    def _run(self, events: Events, condition: Conditions, *, to_data: bool) -> tuple[Events, Scalars]:
        around = []
        for part in self.parts:
            around.append(events)
            events, condition = part.take(events), part.condition(condition)
        run = forward_batch if to_data != self.inverted else inverse_batch
        events, log_det = run(self.bijection, events, condition)
        for part, outer in zip(reversed(self.parts), reversed(around), strict=True):
            events = part.put(outer, events)
        return events, log_det


def steps(bijection: AbstractBijection, path: str = "bijection") -> list[Step]:
    """Return the maps of a bijection that are no composites, in order from base to data."""
    return _steps(Step(path, bijection))


def _steps(at: Step) -> list[Step]:
    if not isinstance(at.bijection, AbstractComposite):
        return [at]
    found: list[Step] = []
    parts = at.bijection.parts()
    # The inverse of a composite runs its parts in reverse order.
    for part in reversed(parts) if at.inverted else parts:
        inner = Step(f"{at.path}.{part.name}", part.bijection, (*at.parts, part), at.inverted != part.inverted)
        found += _steps(inner)
    return found


def sequence(bijection: AbstractBijection) -> list[AbstractBijection]:
    """Return the maps, from base to data, whose composition is the bijection; maps at its ends can be removed."""
    if isinstance(bijection, AbstractSequence):
        return [map for part in bijection.parts() for map in sequence(part.bijection)]
    return [bijection]


def compose(*bijections: AbstractBijection) -> AbstractBijection:
    """Return the composition of bijections in order from base to data."""
    return Chain(bijections)


def is_identity(bijection: AbstractBijection) -> bool:
    """Return whether a map is the identity by its class, so that nothing has to be computed for it."""
    return isinstance(bijection, Identity)
