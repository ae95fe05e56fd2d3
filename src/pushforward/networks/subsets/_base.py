"""The contract of the networks that see any subset of some parts, and give every part parameters."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int

#: The state of a network that has seen some parts: any pytree of arrays.
State = Any


class AbstractSubsetNetwork(eqx.Module):
    """A network (features of the seen parts) -> parameters of every part.

    The parameters depend on which parts are seen and on their features, and not on the order in which they were seen.
    There are two forms that give the same numbers: `__call__` takes all parts and returns the parameters of all;
    `start`, `see`, `read` and `params_of` take one part after the other. Batch axes are last.

    Attributes:
        num_features: number of features of each part.
        num_params: number of parameters of each part.
    """

    num_features: eqx.AbstractVar[tuple[int, ...]]
    num_params: eqx.AbstractVar[tuple[int, ...]]

    @abstractmethod
    def __call__(
        self, features: Sequence[Float[Array, "_ n"]], seen: Bool[Array, "parts n"]
    ) -> tuple[Float[Array, "_ n"], ...]:
        """Return the parameters of every part.

        Arguments:
            features: finite, of each part; where a part is not seen, any numbers.
            seen: which parts of each event are seen.
        """

    @abstractmethod
    def start(self, features: Sequence[Float[Array, "_ n"]], seen: Bool[Array, "parts n"]) -> State:
        """Return the state of n events of which some parts are seen; arguments as above."""

    @abstractmethod
    def see(
        self,
        state: State,
        parts: tuple[int, ...],
        which: Int[Array, ""],
        features: Float[Array, "_ n"],
        where: Bool[Array, " n"],
    ) -> State:
        """Return the state after a part, which was not seen before, is seen in some events.

        Arguments:
            state: the state before.
            parts: numbers of parts with equally many features, and equally many parameters.
            which: the place of the part among them; known when the program runs, so that one program serves them all.
            features: of the part.
            where: the events.
        """

    @abstractmethod
    def read(self, state: State) -> Any:
        """Return what the parameters of all parts are computed from: most of the work, and the same for every part."""

    @abstractmethod
    def params_of(self, read: Any, parts: tuple[int, ...], which: Int[Array, ""]) -> Float[Array, "p n"]:
        """Return the parameters of one part; arguments as in `see`."""
