"""Set every bijection of a flow that needs data, from the data side to the base, with the data that reach it."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import jax

from ..._errors import bad
from ..._types import Conditions, Events
from ...bijections._base import AbstractBijection, AbstractComposite, Part
from ...bijections._fitted import AbstractData, AbstractFitted, is_pending
from ...bijections.walk import Step, is_identity


@final
@dataclass(frozen=True)
class Into:
    """The move of data into a part of a composite."""

    part: Part

    def __call__(self, events: Events, condition: Conditions) -> tuple[Events, Conditions]:
        """Return the events and conditions that the part receives."""
        return self.part.take(events), self.part.condition(condition)


@final
@dataclass(frozen=True)
class Beyond:
    """The move of data through a part of a composite, from data to base."""

    part: Part
    bijection: AbstractBijection
    inverted: bool

    @property
    def map(self) -> AbstractBijection:
        """The bijection from base to data."""
        return Step("", self.bijection, inverted=self.inverted).map

    def __call__(self, events: Events, condition: Conditions) -> tuple[Events, Conditions]:
        """Return the events on the base side of the part, which is now `bijection`, and the unchanged condition."""
        step = Step("", self.bijection, (self.part,), self.inverted)
        return step.inverse(events, condition)[0], condition


#: (events, their conditions), the batch last, -> events and conditions nearer the base.
Move = Callable[[Any, Any], tuple[Any, Any]]


class AbstractMovingData(AbstractData):
    """Data that can be moved along a flow, from data to base."""

    @abstractmethod
    def moved(self, move: Move) -> "AbstractMovingData":
        """Return the data after a move."""


def set_from(bijection: AbstractBijection, data: AbstractMovingData, *, inverted: bool = False) -> AbstractBijection:
    """Return a bijection with all its parts set from the data on its data side.

    Arguments:
        bijection: any bijection.
        data: the data on its data side.
        inverted: whether the inverse of the bijection maps from base to data.
    """
    if isinstance(bijection, AbstractFitted) and not bijection.fitted:
        found = bijection.fit_to(data)
        bijection = found.inverted() if inverted and isinstance(found, AbstractFitted) else found
    if not isinstance(bijection, AbstractComposite) or not is_pending(bijection):
        return bijection
    parts = bijection.parts()
    maps = [part.bijection for part in parts]
    for i in range(len(parts)) if inverted else reversed(range(len(parts))):
        backwards = inverted != parts[i].inverted
        maps[i] = set_from(maps[i], data.moved(Into(parts[i])), inverted=backwards)
        # What is known of data stays known beyond a map that leaves them as they are.
        data = data if is_identity(maps[i]) else data.moved(Beyond(parts[i], maps[i], backwards))
    return bijection.rebuild(maps)


def require_set(flow: Any) -> None:
    """Raise an error that names a bijection of the flow that is not set from data yet, if there is one.

    Raises:
        ValueError: if there is such a bijection.
    """

    def pending(node: Any) -> bool:
        return isinstance(node, AbstractFitted) and not node.fitted

    for path, node in jax.tree_util.tree_leaves_with_path(flow, is_leaf=pending):
        if pending(node):
            at = f"`flow{jax.tree_util.keystr(path)}, a {type(node).__name__} that is not fitted`"
            remedy = "Fit this part on its own first, or give it the location and scale yourself."
            raise bad("flow", "made of maps that can be set from the data", at, remedy)
