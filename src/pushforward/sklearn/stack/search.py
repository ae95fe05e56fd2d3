"""A first search for quantiles of mixtures of logistics, in single precision, on all cores."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...parallel.compile import compiled
from .scales import Scale

#: Steps that halve the interval in which a quantile lies, and steps of Newton's method.
HALVINGS, NEWTON = 12, 5
#: Rows that are searched together.
ROWS = 1024
#: From here on sinh(t) is no number of single precision.
FARTHEST = 80.0


def near_quantiles(
    scales: Sequence[Scale],
    mixtures: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    levels: Float[np.ndarray, "rows k"],
    center: float,
    spread: float,
) -> Float[np.ndarray, "rows k"]:
    """Return about the t at which y = center + spread sinh(t) has the levels of probability below it, for each row.

    Arguments:
        scales: of the parts of the mixtures.
        mixtures: log-weights, locations and log-scales of the components on each scale, of shape (rows, components).
        levels: positive, below 1.
        center, spread: of the coordinate t.
    """
    # A part sees z = a + b sinh(t), or z = a + b log(shift + sinh(t)).
    numbers, logarithm = [], []
    for scale, (weights, _, _) in zip(scales, mixtures, strict=True):
        if scale.bound is None:
            one = (center - scale.mean) / scale.spread, spread / scale.spread, 0.0
        else:
            one = (np.log(spread) - scale.mean) / scale.spread, 1 / scale.spread, (center - scale.bound) / spread
        numbers += [one] * weights.shape[1]
        logarithm += [scale.bound is not None] * weights.shape[1]
    maps = np.asarray(numbers, np.float32).T
    joined = [np.concatenate(arrays, axis=1) for arrays in zip(*mixtures, strict=True)]
    padded = 1 << max(levels.shape[1] - 1, 0).bit_length()
    found = np.zeros(levels.shape)
    for start in range(0, len(levels), ROWS):
        some = slice(start, start + ROWS)
        count = len(levels[some])
        rows = np.minimum(np.arange(1 << max(count - 1, 0).bit_length()), count - 1)
        columns = np.minimum(np.arange(padded), levels.shape[1] - 1)
        below = levels[some][rows][:, columns].T
        arrays = [array[some][rows].T.astype(np.float32) for array in joined]
        arrays += [np.log(below).astype(np.float32), np.log1p(-below).astype(np.float32)]
        t = _search(*arrays, maps, np.asarray(logarithm)[:, None])  # pyright: ignore[reportCallIssue]
        found[some] = np.asarray(t)[: levels.shape[1], :count].T
    return found


@compiled
def _search(
    log_weights: Float[Array, "m n"],
    locations: Float[Array, "m n"],
    log_scales: Float[Array, "m n"],
    log_below: Float[Array, "k n"],
    log_above: Float[Array, "k n"],
    maps: Float[Array, "3 m"],
    logarithm: Any,
) -> Float[Array, "k n"]:
    a, b, shift = maps[:, :, None]
    slopes, tiny = jnp.exp(-log_scales), jnp.finfo(log_weights.dtype).tiny

    def z_of(t: Array) -> tuple[Array, Array]:
        place, cosh = jnp.sinh(t), jnp.cosh(t)
        above = jnp.maximum(shift + place, tiny)
        z = jnp.where(logarithm, a + b * jnp.log(above), a + b * place)
        return (z - locations) * slopes, jnp.where(logarithm, b / above, b) * cosh * slopes

    def one(ends: tuple[Array, Array]) -> Array:
        below, above = ends
        each = locations + jnp.exp(log_scales) * (below - above)
        inner = (each - a) / b
        place = jnp.where(logarithm, jnp.exp(jnp.minimum(inner, FARTHEST)) - shift, inner)
        t = jnp.clip(jnp.arcsinh(place), -FARTHEST, FARTHEST)
        is_low = below < above

        def off(t: Array) -> tuple[Array, Array]:
            """Return log F - log q and its slope, or log (1 - q) - log (1 - F), whichever is of the smaller tail."""
            z, slope = z_of(t)
            sign = jnp.where(is_low, 1.0, -1.0)
            own = log_weights + jax.nn.log_sigmoid(sign * z)
            total = jax.nn.logsumexp(own, axis=0)
            density = (jnp.exp(own - total) * jax.nn.sigmoid(-sign * z) * slope).sum(axis=0)
            return sign * (total - jnp.where(is_low, below, above)), density

        def halve(_: Any, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = bounds
            middle = 0.5 * (low + high)
            under = off(middle)[0] < 0
            return jnp.where(under, middle, low), jnp.where(under, high, middle)

        low, high = jax.lax.fori_loop(0, HALVINGS, halve, (t.min(axis=0), t.max(axis=0)))

        def newton(_: Any, t: Array) -> Array:
            error, slope = off(t)
            return jnp.clip(t - error / jnp.maximum(slope, tiny), low, high)

        return jax.lax.fori_loop(0, NEWTON, newton, 0.5 * (low + high))

    return jax.lax.map(one, (log_below, log_above))
