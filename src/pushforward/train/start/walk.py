"""Every map of a flow that is to be set from data, set: from the data to the base, each by what reaches it."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import jax

from ..._errors import bad
from ..._types import Conditions, Events
from ...bijections._base import AbstractBijection, AbstractComposite, Part
from ...bijections._fitted import AbstractData, AbstractFitted, is_pending
from ...bijections.walk import Step


@final
@dataclass(frozen=True)
class Into:
    """The way into a part of a composite."""

    part: Part

    def __call__(self, events: Events, condition: Conditions) -> tuple[Events, Conditions]:
        """Return what the part sees."""
        return self.part.take(events), self.part.condition(condition)


@final
@dataclass(frozen=True)
class Beyond:
    """The way through a part of a composite, from data to base."""

    part: Part
    bijection: AbstractBijection
    inverted: bool

    @property
    def map(self) -> AbstractBijection:
        """The map from base to data."""
        return Step("", self.bijection, inverted=self.inverted).map

    def __call__(self, events: Events, condition: Conditions) -> tuple[Events, Conditions]:
        """Return the events on the base side of the part, which is `bijection` now, and the condition as it was."""
        step = Step("", self.bijection, (self.part,), self.inverted)
        return step.inverse(events, condition)[0], condition


#: (events, their conditions), the batch last, -> what they are nearer the base.
Move = Callable[[Any, Any], tuple[Any, Any]]


class AbstractMovingData(AbstractData):
    """Data that can be taken along a flow, from data to base."""

    @abstractmethod
    def moved(self, move: Move) -> "AbstractMovingData":
        """Return the data as they are after a move."""


def set_from(bijection: AbstractBijection, data: AbstractMovingData, *, inverted: bool = False) -> AbstractBijection:
    """Return a bijection of which every map is set from the data on its data side.

    Arguments:
        bijection: any.
        data: on its data side.
        inverted: whether the way from base to data goes through the inverse of the bijection.
    """
    if isinstance(bijection, AbstractFitted) and not bijection.fitted:
        bijection = bijection.fit_to(data)
        bijection = bijection.inverted() if inverted else bijection
    if not isinstance(bijection, AbstractComposite) or not is_pending(bijection):
        return bijection
    parts = bijection.parts()
    maps = [part.bijection for part in parts]
    for i in range(len(parts)) if inverted else reversed(range(len(parts))):
        backwards = inverted != parts[i].inverted
        maps[i] = set_from(maps[i], data.moved(Into(parts[i])), inverted=backwards)
        data = data.moved(Beyond(parts[i], maps[i], backwards))
    return bijection.rebuild(maps)


def require_set(flow: Any) -> None:
    """Raise if a map of the flow is still to be set from data, naming it.

    Raises:
        ValueError: if there is one.
    """

    def pending(node: Any) -> bool:
        return isinstance(node, AbstractFitted) and not node.fitted

    for path, node in jax.tree_util.tree_leaves_with_path(flow, is_leaf=pending):
        if pending(node):
            at = f"`flow{jax.tree_util.keystr(path)}, a {type(node).__name__} that is not fitted`"
            remedy = "Fit this part on its own first, or give it the location and scale yourself."
            raise bad("flow", "made of maps that can be set from the data", at, remedy)
