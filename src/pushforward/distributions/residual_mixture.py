"""Densities of a number around a prediction of it: a mixture of logistics, moved and scaled by a network."""

import math
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arrays import as_float
from .._errors import require, require_count
from .._fields import FIXED
from .._methods import method
from .._types import ArrayLike, ConditionTree, Events, Key, Keys, Scalars, Whole
from ..networks import SubsetMLP
from ..numerics.products import precision
from ..supports import Real
from ._base import AbstractBatchDistribution

#: Locations and scales of the components at the start, in units of `scale`: together they look like one logistic.
SPREAD, NARROWER = 0.8, 0.45
#: Bounds of logarithms of scales: of all components together, and of each.
TOGETHER, NARROWEST, WIDEST = 4.0, -5.0, 3.0
#: Half widths in units of a component's scale up to which the density hardly changes within the width.
NARROW = 1e-4


@final
class ResidualMixture(AbstractBatchDistribution):
    """A mixture of M logistics around a prediction l of a number, given features f, averaged over a width w.

        p(y | l, w, f) = Σ_m π_m(f) ∫ Logistic(y + u; l + s (a(f) + exp(b(f)) μ_m(f)), s exp(b(f)) τ_m(f)) du / w,

    with u from -w/2 to w/2; for w = 0 the density of the mixture itself. So w p(y) is the probability of the interval
    of the width w around y, that of a rounded number for example. The condition is (l, w, f); the sign of w does not
    count.

    a and b are linear, so that noise whose size follows a feature is learned at once; π, μ and τ are those of a
    residual network. All start such that p does not depend on f.

    Arguments:
        key: for the initial weights of the network.
        num_features: elements of f, of order one.
        scale: s, positive: the size of the errors of the prediction.
        components: M.
        width, depth: sizes of the network.

    Raises:
        ValueError: if a number is not as stated.
    """

    network: SubsetMLP
    skip: Float[Array, "2 features"]
    scale: Float[Array, ""] = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        num_features: Whole,
        scale: ArrayLike = 1.0,
        *,
        components: Whole = 5,
        width: Whole = 64,
        depth: Whole = 1,
    ):
        count, components = require_count("num_features", num_features), require_count("components", components)
        self.scale = as_float("scale", scale)
        ok = self.scale.shape == () and bool(np.isfinite(self.scale)) and float(self.scale) > 0
        require(ok, "scale", "a positive, finite number", scale)
        network = SubsetMLP(key, [count], [3 * components], width=int(width), depth=int(depth))
        # One part of many features of order one: the sum of all should be of order one.
        ratio = np.asarray(2 / np.sqrt(count + 1), network.embed[0].dtype)
        self.network = eqx.tree_at(lambda net: net.embed[0], network, replace_fn=lambda w: ratio * w)
        self.skip = jax.device_put(np.zeros((2, count), np.asarray(network.bias).dtype))
        self.shape, self.cond_shape = (), (count + 2,)

    @property
    def support(self) -> Real:
        """All real numbers."""
        return Real(())

    @property
    def components(self) -> int:
        """M."""
        return self.network.num_params[0] // 3

    @method
    def mixture(
        self, condition: Float[Array, "c n"]
    ) -> tuple[Float[Array, "m n"], Float[Array, "m n"], Float[Array, "m n"]]:
        """Return log-weights, locations and log-scales of the components, given conditions, of which batch is last."""
        location, features = condition[0], condition[2:]
        seen = jnp.ones((1, features.shape[1]), bool)
        weights, places, scales = jnp.split(self.network([features], seen)[0], 3)
        m = self.components
        starts = jnp.linspace(-SPREAD, SPREAD, m) if m > 1 else jnp.zeros(1)
        places = places + starts.astype(places.dtype)[:, None]
        scales = jnp.clip(scales + math.log(NARROWER if m > 1 else 1.0), NARROWEST, WIDEST)
        shift, stretch = jnp.tensordot(self.skip, features, 1, precision=precision())
        stretch = jnp.clip(stretch, -TOGETHER, TOGETHER)
        locations = location + self.scale * (shift + jnp.exp(stretch) * places)
        return jax.nn.log_softmax(weights, axis=0), locations, jnp.log(self.scale) + stretch + scales

    def _log_prob_batch(self, x: Events, condition: ConditionTree) -> Scalars:
        weights, locations, scales = self.mixture(condition)
        half = 0.5 * jnp.abs(condition[1])
        slopes = jnp.exp(-scales)
        middle, wide = (x - locations) * slopes, half * slopes
        # log(sigmoid(z + h) - sigmoid(z - h)) - log 2h = log((1 - exp(-2h)) / 2h) - softplus(-z - h) - softplus(z - h)
        is_wide = wide > NARROW
        twice = 2 * jnp.where(is_wide, wide, 1.0)
        shrunk = jnp.where(is_wide, jnp.log(-jnp.expm1(-twice)) - jnp.log(twice), -wide)
        each = shrunk - jax.nn.softplus(-middle - wide) - jax.nn.softplus(middle - wide)
        return jax.nn.logsumexp(weights + each - scales, axis=0)

    def _sample_and_log_prob_batch(self, keys: Keys, condition: ConditionTree) -> tuple[Events, Scalars]:
        weights, locations, scales = self.mixture(condition)
        of_component, of_number, of_width = jnp.moveaxis(jax.vmap(lambda key: jax.random.split(key, 3))(keys), 1, 0)
        chosen = jax.vmap(jax.random.categorical, (0, 1))(of_component, weights)[None]
        location, scale = (jnp.take_along_axis(a, chosen, 0)[0] for a in (locations, scales))
        kind = location.dtype
        within = jax.vmap(lambda key: jax.random.uniform(key, (), kind, -0.5, 0.5))(of_width)
        x = location + jnp.exp(scale) * jax.vmap(lambda key: jax.random.logistic(key, (), kind))(of_number)
        x = x + condition[1] * within
        return x, self._log_prob_batch(x, condition)
