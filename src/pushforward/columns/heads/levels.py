"""Categories."""

from collections.abc import Hashable, Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._arrays import as_float
from ..._errors import require
from ..._fields import FIXED
from ..._methods import method
from ..._types import ArrayLike
from ...numerics.products import precision
from ._base import AbstractHead, Cells
from ._choice import chosen


@final
class Levels(AbstractHead):
    """A probability for each of K categories: the softmax of K parameters plus the logarithms of their shares.

    The score of category k is k.

    Arguments:
        log_shares: shape (K,), logarithms of the shares of the categories, finite.

    Raises:
        ValueError: if a number is not finite.
    """

    log_shares: Array = eqx.field(metadata=FIXED)
    num_params: int = eqx.field(static=True)
    num_features: int = eqx.field(static=True)

    def __init__(self, log_shares: ArrayLike):
        self.log_shares = as_float("log_shares", log_shares)
        finite = self.log_shares.ndim == 1 and bool(np.isfinite(np.asarray(self.log_shares)).all())
        require(finite, "log_shares", "a finite number for each category", self.log_shares)
        self.num_params = self.num_features = len(self.log_shares)

    @property
    def ends(self) -> tuple[float, float]:
        """The scores between which all draws lie."""
        return -1.0, float(self.num_params - 1)

    @property
    def family(self) -> Hashable:
        """Each is a family of its own: their numbers of categories, and the shares of these, differ."""
        return id(self)

    @method
    def alike(self, others: "Sequence[Levels]") -> "list[Levels]":
        """Return the heads as they are."""
        return list(others)

    @method
    def features(self, cells: Cells) -> Float[Array, "f n"]:
        """Return one at the place of the category, and zero elsewhere."""
        return self._hot(cells[0])

    @method
    def log_prob(self, params: Float[Array, "p n"], cells: Cells) -> Float[Array, " n"]:
        """Return the log-probability of each category."""
        logits = self._logits(params)
        chosen = _summed(jnp.where(self._hot(cells[0]) > 0, logits, 0))
        return chosen - jnp.log(_summed(jnp.exp(logits))) + cells[2]

    @method
    def draw(self, uniform: Float[Array, "2 n"], params: Float[Array, "p n"]) -> Float[Array, " n"]:
        """Return a category for each event."""
        return chosen(uniform[0], self._logits(params)).astype(params.dtype)

    @method
    def nodes(self, params: Float[Array, "p n"]) -> tuple[Float[Array, "k n"], Float[Array, "k n"]]:
        """Return the categories and their probabilities."""
        weights = jnp.exp(self._logits(params))
        codes = jnp.arange(self.num_params, dtype=params.dtype)[:, None]
        return jnp.broadcast_to(codes, weights.shape), weights / _summed(weights)

    @method
    def cdf(self, params: Float[Array, "p n"], score: Float[Array, " n"]) -> Float[Array, " n"]:
        """Return the probability of the categories up to a number."""
        weights = jnp.exp(self._logits(params))
        below = jnp.arange(self.num_params, dtype=score.dtype)[:, None] <= score
        return _summed(jnp.where(below, weights, 0)) / _summed(weights)

    @method
    def cell(self, score: Float[Array, " n"]) -> Cells:
        """Return the category as both ends."""
        return jnp.stack([score, score, jnp.zeros_like(score)])

    def _logits(self, params: Array) -> Array:
        logits = params + self.log_shares[:, None].astype(params.dtype)
        return logits - jax.lax.stop_gradient(logits.max(0))

    def _hot(self, codes: Array) -> Array:
        return (jnp.arange(self.num_params, dtype=codes.dtype)[:, None] == codes).astype(codes.dtype)


def _summed(a: Array) -> Array:
    """Return the sum along the first axis, as a product: XLA's sums over it are slow on CPU."""
    return jnp.tensordot(jnp.ones(len(a), a.dtype), a, 1, precision=precision())
