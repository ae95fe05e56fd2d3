"""Numbers: a mixture of logistic distributions in scores."""

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
from ...numerics.reductions import short_log_sum_exp
from ._base import AbstractHead, Cells
from ._choice import chosen, levels, spread
from ._intervals import interval_of, padded

#: Bounds of the locations, and of the logarithms of the scales, of the components.
FARTHEST, NARROWEST, WIDEST = 16.0, -8.0, 1.0
#: Draws lie within: 30 of the largest scales from the farthest location.
FARTHEST_DRAW = 100.0
#: The score that stands for infinity: beyond it, no component has a probability in floating-point numbers.
FARTHEST_END = 1e5
#: Variance of the locations of several components at the start.
SPREAD = 1.24
#: Pieces of the line in which a network sees where a score lies; of equal marginal probability.
PIECES = 16


@final
class Line(AbstractHead):
    """A mixture of M logistic distributions of the score of a number.

        G(s) = Σ_m π_m σ((s - μ_m) / τ_m)

    A value with a density has the density G'(s) ds/dx, and one with a probability, an *atom*, is an interval of scores
    (a, b] of probability G(b) - G(a). So atoms and densities need not be told apart by a further variable, and atoms
    that many rows share keep their probability. The marginal distribution is the standard logistic.

    Arguments:
        low, high: ends of the intervals of the atoms, increasing and disjoint, finite, of equal shape; ±`FARTHEST_END`
            stand for infinity. Empty if there are none.
        components: M.

    Raises:
        ValueError: if intervals are not as stated.
    """

    low: Array = eqx.field(metadata=FIXED)
    high: Array = eqx.field(metadata=FIXED)
    components: int = eqx.field(static=True)
    num_params: int = eqx.field(static=True)
    num_features: int = eqx.field(static=True)

    def __init__(self, low: ArrayLike = (), high: ArrayLike = (), components: int = 8):
        self.low, self.high = as_float("low", np.asarray(low, float)), as_float("high", np.asarray(high, float))
        rule = "increasing ends of disjoint intervals, as many as of `high`"
        ends = np.stack([np.asarray(self.low), np.asarray(self.high)], 1).ravel() if self._paired() else np.zeros(0)
        require(self._paired() and bool(np.all(ends[1:] >= ends[:-1])), "low", rule, low)
        self.components = require_count("components", components)
        self.num_params = 3 * self.components
        self.num_features = PIECES + 2

    @property
    def ends(self) -> tuple[float, float]:
        """The scores between which all draws lie."""
        return -FARTHEST_DRAW, FARTHEST_DRAW

    @property
    def family(self) -> Hashable:
        """All of as many components: where the atoms lie is in the cells."""
        return "line", self.components

    @method
    def alike(self, others: "Sequence[Line]") -> "list[Line]":
        """Return heads whose atoms are followed by as many empty intervals as the one with the most atoms needs."""
        most = max(len(head.low) for head in others)
        return [eqx.tree_at(lambda h: (h.low, h.high), head, padded(head.low, head.high, most)) for head in others]

    @method
    def features(self, cells: Cells) -> Float[Array, "f n"]:
        """Return the score, linear and squashed, and how much of each piece of the line lies below it."""
        u = 0.5 * (jax.nn.sigmoid(cells[0]) + jax.nn.sigmoid(cells[1]))
        tiny = jnp.asarray(1e-6, u.dtype)
        middle = jnp.log(jnp.clip(u, tiny)) - jnp.log(jnp.clip(1 - u, tiny))
        filled = jnp.clip(PIECES * u - jnp.arange(PIECES, dtype=u.dtype)[:, None], 0, 1) - 0.5
        return jnp.concatenate([middle[None] / 1.8, jnp.tanh(middle[None] / 6), filled])

    @method
    def log_prob(self, params: Float[Array, "p n"], cells: Cells) -> Float[Array, " n"]:
        """Return the log-probability of an atom, or the log-density."""
        weights, loc, log_scale = self._split(params)
        low, high = ((end - loc) * jnp.exp(-log_scale) for end in cells[:2])
        is_atom = cells[1] > cells[0]
        # σ(b) - σ(a) = σ(b) σ(-a) (1 - e^(a - b)), which keeps its digits in both tails.
        width = jnp.where(is_atom, jnp.maximum(high - low, jnp.finfo(low.dtype).tiny), 1)
        probability = jnp.log(-jnp.expm1(-width)) - jax.nn.softplus(-high) - jax.nn.softplus(low)
        density = -jax.nn.softplus(-low) - jax.nn.softplus(low) - log_scale
        each = weights + jnp.where(is_atom, probability, density)
        return short_log_sum_exp(each, 0) - short_log_sum_exp(weights, 0) + cells[2]

    @method
    def draw(self, uniform: Float[Array, "2 n"], params: Float[Array, "p n"]) -> Float[Array, " n"]:
        """Return a draw of the score."""
        weights, loc, log_scale = self._split(params)
        m = chosen(uniform[0], weights)[None]
        loc, log_scale = (jnp.take_along_axis(a, m, 0)[0] for a in (loc, log_scale))
        u = jnp.clip(uniform[1], jnp.finfo(loc.dtype).tiny)
        return loc + jnp.exp(log_scale) * (jnp.log(u) - jnp.log1p(-u))

    @method
    def nodes(self, params: Float[Array, "p n"]) -> tuple[Float[Array, "k n"], Float[Array, "k n"]]:
        """Return quantiles of each component at equally spaced levels."""
        weights, loc, log_scale = self._split(params)
        u = levels(params.dtype)
        scores = loc[:, None] + jnp.exp(log_scale)[:, None] * (jnp.log(u) - jnp.log1p(-u))[:, None]
        return spread(scores, weights)

    @method
    def cdf(self, params: Float[Array, "p n"], score: Float[Array, " n"]) -> Float[Array, " n"]:
        """Return G(score)."""
        weights, loc, log_scale = self._split(params)
        each = weights + jax.nn.log_sigmoid((score - loc) * jnp.exp(-log_scale))
        return jnp.exp(short_log_sum_exp(each, 0) - short_log_sum_exp(weights, 0))

    @method
    def cell(self, score: Float[Array, " n"]) -> Cells:
        """Return the atom whose interval holds the score, or the score as both ends."""
        return jnp.concatenate([interval_of(self.low, self.high, score), jnp.zeros_like(score)[None]])

    def _paired(self) -> bool:
        return self.low.ndim == 1 and self.low.shape == self.high.shape

    def _split(self, params: Array) -> tuple[Array, Array, Array]:
        """Return the logarithms of the weights, up to a constant, the locations, and the logarithms of the scales."""
        weights, loc, log_scale = jnp.split(params, 3)
        loc = FARTHEST * jnp.tanh((loc + self._places.astype(loc.dtype)[:, None]) / FARTHEST)
        return weights, loc, jnp.clip(log_scale - (0.25 if self.components > 1 else 0.0), NARROWEST, WIDEST)

    @property
    def _places(self) -> Array:
        """Locations, of equal distances, with which narrower components have about the standard logistic's variance."""
        m = self.components
        end = math.sqrt(SPREAD * 3 * (m - 1) / (m + 1))
        return jnp.linspace(-end, end, m)
