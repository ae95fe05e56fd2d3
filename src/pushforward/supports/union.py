"""One of several supports."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax.numpy as jnp

from .._errors import require
from ._base import AbstractSimpleSupport, AbstractSupport, Batch, Mask, events_outside, flat


@final
class Union(AbstractSimpleSupport):
    """Events that are in at least one of several sets.

    Arguments:
        supports: the sets, at least one, of one shape and one measure.

    Raises:
        ValueError: if `supports` is empty, or their shapes or measures differ.
    """

    supports: tuple[AbstractSupport, ...]
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, supports: Sequence[AbstractSupport]):
        self.supports = tuple(supports)
        require(len(self.supports) > 0, "supports", "at least one support", self.supports)
        for name in ("shape", "measure"):
            found = [getattr(s, name) for s in self.supports]
            require(len(set(found)) == 1, "supports", f"of one {name}", found)
        self.shape = self.supports[0].shape

    @property
    def measure(self) -> str:
        """The measure of each set."""
        return self.supports[0].measure

    @property
    def rule(self) -> str:
        """The rules of the sets, joined by "or"."""
        return " or ".join(s.rule for s in self.supports)

    def outside(self, x: Batch) -> Mask:
        """Return whether each event is in none of the sets."""
        return jnp.all(jnp.stack([events_outside(s, x) for s in self.supports]), axis=0)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)


def union(supports: Sequence[AbstractSupport]) -> AbstractSupport:
    """Return the first support if all are equal, else their `Union`."""
    first = supports[0]
    return first if all(first.equals(s) for s in supports[1:]) else Union(supports)
