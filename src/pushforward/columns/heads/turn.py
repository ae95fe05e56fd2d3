"""Angles: a mixture of wrapped Cauchy distributions."""

import math
from collections.abc import Hashable, Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._arrays import as_float
from ..._errors import require, require_count
from ..._fields import FIXED
from ..._methods import method
from ..._types import ArrayLike
from ...numerics.reductions import short_log_sum_exp, short_sum
from ._base import AbstractHead, Cells
from ._choice import chosen, levels, spread
from ._intervals import interval_of, padded

#: Harmonics in which a network sees an angle.
HARMONICS = 4


@final
class Turn(AbstractHead):
    """A mixture of M wrapped Cauchy distributions of the score of an angle, a number of turns u in [0, 1).

        G(u) = Σ_m π_m (u + atan2(ρ_m sin 2π(u - μ_m), 1 - ρ_m cos 2π(u - μ_m)) / π) + constant

    The density is continuous where one turn ends and the next begins. A value with a probability is an interval of
    scores, which may go on beyond one turn. The marginal distribution is uniform.

    Arguments:
        low, high: ends of the intervals of the atoms, increasing and disjoint, from 0 or above, and of one turn at most
            together; empty if there are none.
        components: M.

    Raises:
        ValueError: if intervals are not as stated.

    Reference:
        "Directional Statistics", Mardia, Jupp, 2000, section 3.5.7.
    """

    low: Array = eqx.field(metadata=FIXED)
    high: Array = eqx.field(metadata=FIXED)
    components: int = eqx.field(static=True)
    num_params: int = eqx.field(static=True)
    num_features: int = eqx.field(static=True)

    def __init__(self, low: ArrayLike = (), high: ArrayLike = (), components: int = 8):
        self.low, self.high = as_float("low", np.asarray(low, float)), as_float("high", np.asarray(high, float))
        paired = self.low.ndim == 1 and self.low.shape == self.high.shape
        ends = np.stack([np.asarray(self.low), np.asarray(self.high)], 1).ravel() if paired else np.zeros(0)
        within = not len(ends) or (ends[0] >= 0 and ends[-1] <= ends[0] + 1.001)
        rule = "increasing ends of disjoint intervals of one turn, as many as of `high`"
        require(paired and bool(np.all(ends[1:] >= ends[:-1])) and bool(within), "low", rule, low)
        self.components = require_count("components", components)
        self.num_params = 3 * self.components
        self.num_features = 2 * HARMONICS

    @property
    def ends(self) -> tuple[float, float]:
        """The scores between which all draws lie."""
        return 0.0, 1.0

    @property
    def family(self) -> Hashable:
        """All of as many components: where the atoms lie is in the cells."""
        return "turn", self.components

    @method
    def alike(self, others: "Sequence[Turn]") -> "list[Turn]":
        """Return heads whose atoms are followed by as many empty intervals as the one with the most atoms needs."""
        most = max(len(head.low) for head in others)
        return [eqx.tree_at(lambda h: (h.low, h.high), head, padded(head.low, head.high, most)) for head in others]

    @method
    def features(self, cells: Cells) -> Float[Array, "f n"]:
        """Return cosines and sines of multiples of the angle."""
        turns = jnp.arange(1, HARMONICS + 1, dtype=cells.dtype)[:, None] * (0.5 * (cells[0] + cells[1]))
        return jnp.concatenate([jnp.cos(2 * math.pi * turns), jnp.sin(2 * math.pi * turns)])

    @method
    def log_prob(self, params: Float[Array, "p n"], cells: Cells) -> Float[Array, " n"]:
        """Return the log-probability of an atom, or the log-density."""
        weights, x, y = self._split(params)
        is_atom = cells[1] > cells[0]
        tiny = jnp.finfo(cells.dtype).tiny
        high = jnp.where(is_atom, cells[1], cells[0] + 0.1)
        probability = _below(high, x, y) - _below(cells[0], x, y)
        along, _ = _rotated(cells[0], x, y)
        density = (1 - x * x - y * y) / (1 + x * x + y * y - 2 * along)
        each = weights + jnp.log(jnp.maximum(jnp.where(is_atom, probability, density), tiny))
        return short_log_sum_exp(each, 0) - short_log_sum_exp(weights, 0) + cells[2]

    @method
    def draw(self, uniform: Float[Array, "2 n"], params: Float[Array, "p n"]) -> Float[Array, " n"]:
        """Return a draw of the score, in [0, 1)."""
        weights, x, y = self._split(params)
        m = chosen(uniform[0], weights)[None]
        x, y = (jnp.take_along_axis(a, m, 0)[0] for a in (x, y))
        return _quantile(uniform[1], x, y)

    @method
    def nodes(self, params: Float[Array, "p n"]) -> tuple[Float[Array, "k n"], Float[Array, "k n"]]:
        """Return quantiles of each component, from its opposite on, at equally spaced levels."""
        weights, x, y = self._split(params)
        return spread(_quantile(levels(params.dtype)[:, None], x[:, None], y[:, None]), weights)

    @method
    def cdf(self, params: Float[Array, "p n"], score: Float[Array, " n"]) -> Float[Array, " n"]:
        """Return the probability from 0 up to `score`."""
        weights, x, y = self._split(params)
        shares = jnp.exp(weights - short_log_sum_exp(weights, 0))
        return short_sum(shares * (_below(score, x, y) - _below(jnp.zeros_like(score), x, y)), 0)

    @method
    def cell(self, score: Float[Array, " n"]) -> Cells:
        """Return the atom whose interval holds the score, or the score as both ends."""
        # The last interval may go on beyond one turn.
        first = self.low[0] if len(self.low) else 0.0
        ends = interval_of(self.low, self.high, jnp.where(score <= first, score + 1, score))
        turned = jnp.where(ends[0] == ends[1], score, ends)
        return jnp.concatenate([turned, jnp.zeros_like(score)[None]])

    def _split(self, params: Array) -> tuple[Array, Array, Array]:
        """Return the logarithms of the weights, up to a constant, and ρ (cos 2πμ, sin 2πμ)."""
        weights, x, y = jnp.split(params, 3)
        at = 2 * math.pi * jnp.arange(self.components, dtype=params.dtype)[:, None] / self.components
        size = 0.5 if self.components > 1 else 0.0
        x, y = x + size * jnp.cos(at), y + size * jnp.sin(at)
        norm = 0.9999 * jax.lax.rsqrt(1 + x * x + y * y)
        return weights, x * norm, y * norm


def _rotated(u: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Return ρ cos 2π(u - μ) and ρ sin 2π(u - μ)."""
    cos, sin = jnp.cos(2 * math.pi * u), jnp.sin(2 * math.pi * u)
    return x * cos + y * sin, x * sin - y * cos


def _below(u: Array, x: Array, y: Array) -> Array:
    """Return the distribution function of each component, up to a constant; it goes on beyond one turn."""
    along, across = _rotated(u, x, y)
    return u + jnp.arctan2(across, 1 - along) / math.pi


def _quantile(u: Array, x: Array, y: Array) -> Array:
    """Return the angle, in turns from 0 to below 1, that has a share u below it, counted from the opposite of μ."""
    size = jnp.sqrt(x * x + y * y)
    half = jnp.tan(math.pi * (u - 0.5))
    turns = jnp.arctan2(y, x) / (2 * math.pi) + jnp.arctan((1 - size) / (1 + size) * half) / math.pi
    turns = turns - jnp.floor(turns)
    return jnp.where(turns < 1, turns, 0)
