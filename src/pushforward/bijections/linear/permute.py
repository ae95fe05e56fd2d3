"""Permutation of a vector's elements."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from ..._errors import require, require_count
from ..._types import ArrayLike, Condition, Event, Key, Scalar
from .._base import AbstractBijection


@final
class Permute(AbstractBijection):
    """Permutation of the elements of a vector, f(z)_i = z_p(i), with log-determinant 0.

    `Permute.reverse(dim)` and `Permute.random(key, dim)` build the usual permutations.

    Arguments:
        permutation: p, the numbers 0, ..., dim - 1 in some order.
    """

    permutation: Int[Array, "*layers dim"]
    inverse_permutation: Int[Array, "*layers dim"]
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, permutation: ArrayLike):
        p = np.asarray(permutation)
        ok = p.ndim == 1 and p.size > 0 and p.dtype.kind in "iu" and sorted(p.tolist()) == list(range(p.size))
        require(ok, "permutation", "the integers 0, ..., dim - 1 in some order", permutation)
        self.permutation = jnp.asarray(p)
        self.inverse_permutation = jnp.asarray(np.argsort(p))
        self.shape = (p.size,)
        self.cond_shape = None

    @classmethod
    def reverse(cls, dim: int) -> "Permute":
        """Return the permutation that reverses the order of the elements."""
        require_count("dim", dim)
        return cls(np.arange(dim)[::-1])

    @classmethod
    def random(cls, key: Key, dim: int) -> "Permute":
        """Return a permutation drawn uniformly."""
        require_count("dim", dim)
        return cls(jax.random.permutation(key, dim))

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        return z[self.permutation], jnp.zeros((), z.dtype)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        return x[self.inverse_permutation], jnp.zeros((), x.dtype)
