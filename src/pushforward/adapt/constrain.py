"""A flow on a support."""

from .. import bijections
from .._errors import bad, require
from ..distributions import AbstractDistribution, Pushforward
from ..supports import AbstractSupport


def constrain(flow: AbstractDistribution, onto: AbstractSupport | bijections.AbstractBijection) -> Pushforward:
    """Put a flow onto a support: append a bijection from the whole space onto the support.

        x = f(y),   y ~ flow

    The density is zero outside the support. `pushforward.fit` standardizes the data in the space of y, where the flow
    works. A `Product` of supports, or a `Concatenate` of bijections, gives each part of an event its own support.

    Arguments:
        flow: a flow of any architecture, conditional or not, or another distribution on the whole space.
        onto: a support of the flow's event shape for which `pushforward.bijections.onto` has a bijection f; or f
            itself, of the flow's event shape.

    Raises:
        ValueError: if the shapes of the two differ, or no bijection onto the support is known.
    """
    remedy = "A part of an event that is not constrained is `Real` in a `Product`, or `Identity` in a `Concatenate`."
    if not isinstance(onto, AbstractSupport | bijections.AbstractBijection):
        raise bad("onto", "a support or a bijection", onto)
    require(onto.shape == flow.shape, "onto", f"of the flow's shape {flow.shape}", onto.shape, remedy)
    bijection = bijections.onto(onto) if isinstance(onto, AbstractSupport) else onto
    if not isinstance(flow, Pushforward):
        return Pushforward(flow, bijection)
    return Pushforward(flow.base, bijections.Chain([flow.bijection, bijection]))
