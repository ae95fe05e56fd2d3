"""A flow on a support."""

from .._errors import require
from ..bijections import AbstractBijection, Chain
from ..distributions import Pushforward


def constrain(flow: Pushforward, bijection: AbstractBijection) -> Pushforward:
    """Put a flow onto a support: its events, then a map of the whole space onto the support.

        x = bijection(y),   y ~ flow

    All of the density lies on the support; outside, it is zero. `pushforward.fit` standardizes the data in the space of
    y, where the flow works. `Concatenate` gives each part of an event a support of its own.

    Arguments:
        flow: of any architecture, conditional or not.
        bijection: onto the support, of the flow's event shape: `Softplus`, `Sigmoid`, `NormalCDF`, `Ordered`,
            `StickBreaking`, `CorrelationCholesky`, a `Concatenate` of them and `Identity`, or any other.

    Raises:
        ValueError: if the shapes of the two differ.
    """
    remedy = "A part of an event that is not constrained has an `Identity` in the `Concatenate`."
    require(bijection.shape == flow.shape, "bijection", f"of the flow's shape {flow.shape}", bijection.shape, remedy)
    return Pushforward(flow.base, Chain([flow.bijection, bijection]))
