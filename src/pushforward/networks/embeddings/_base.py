"""The contract of the networks that make a vector of a condition of any shape."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from ..._shapes import Shapes


class AbstractEmbedding(eqx.Module):
    """A network from a condition, an array or a tree of arrays, to a vector of numbers that a flow is conditioned on.

    It ends with h = W norm(...) + b, without an activation: of order one at the start, and within ‖W‖ √width + ‖b‖
    whatever the condition is, so that what a flow has learned of its location and scale stays about right in training.
    Batch axes come last in what goes in and in what comes out.

    Attributes:
        in_shape: the shape of the condition, or a tree of them: {"values": (50, 3), "mask": (50,)}.
        out_dim: elements of the vector.
    """

    in_shape: eqx.AbstractVar[Shapes]
    out_dim: eqx.AbstractVar[int]

    @abstractmethod
    def __call__(self, condition: Any) -> Float[Array, "out_dim *batch"]:
        """Return the vector, shape (out_dim, *batch).

        Arguments:
            condition: an array of shape (*in_shape, *batch), or a tree of such arrays. Whole numbers, true and false
                stand for themselves.
        """
