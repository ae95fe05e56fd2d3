"""A flow on a support."""

from .. import bijections
from .._errors import bad, require
from ..distributions import Pushforward
from ..supports import AbstractSupport


def constrain(flow: Pushforward, onto: AbstractSupport | bijections.AbstractBijection) -> Pushforward:
    """Put a flow onto a support: its events, then a map of the whole space onto the support.

        x = f(y),   y ~ flow

    All of the density lies on the support; outside, it is zero. `pushforward.fit` standardizes the data in the space of
    y, where the flow works. A `Product` of supports, or a `Concatenate` of maps, gives each part of an event its own.

    Arguments:
        flow: of any architecture, conditional or not.
        onto: a support of the flow's event shape, of which `pushforward.bijections.onto` knows the map f; or f itself,
            of the flow's event shape.

    Raises:
        ValueError: if the shapes of the two differ, or no map is known of the support.
    """
    remedy = "A part of an event that is not constrained is `Real` in a `Product`, or `Identity` in a `Concatenate`."
    if not isinstance(onto, AbstractSupport | bijections.AbstractBijection):
        raise bad("onto", "a support or a bijection", onto)
    require(onto.shape == flow.shape, "onto", f"of the flow's shape {flow.shape}", onto.shape, remedy)
    bijection = bijections.onto(onto) if isinstance(onto, AbstractSupport) else onto
    return Pushforward(flow.base, bijections.Chain([flow.bijection, bijection]))
