"""The contract of the networks that turn a condition of any shape into a vector."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from ..._shapes import Shapes


class AbstractEmbedding(eqx.Module):
    """A network that turns a condition, an array or a tree of arrays, into the vector that a flow is conditioned on.

    It ends with h = W norm(...) + b, without an activation. So h is of order one at the start and within
    ‖W‖ √width + ‖b‖ for any condition, and the location and scale that a flow takes from h before training stay about
    right during training. Batch axes come last in the input and in the result.

    Attributes:
        in_shape: the shape of the condition, or a tree of shapes: {"values": (50, 3), "mask": (50,)}.
        out_dim: elements of the vector.
    """

    in_shape: eqx.AbstractVar[Shapes]
    out_dim: eqx.AbstractVar[int]

    @abstractmethod
    def __call__(self, condition: Any) -> Float[Array, "out_dim *batch"]:
        """Return the vector, shape (out_dim, *batch).

        Arguments:
            condition: an array of shape (*in_shape, *batch), or a tree of such arrays. Arrays may hold floating-point
                numbers, integers or booleans.
        """
