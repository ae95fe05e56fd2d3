"""Monotone rational-quadratic splines."""

from functools import partial
from typing import NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import require, require_count
from ..numerics.layout import materialize, materialize_index, one_like
from ..numerics.safe import inverse_softplus, round_into
from ._base import AbstractUnivariate


@final
class RationalQuadratic(AbstractUnivariate):
    """Monotone rational-quadratic spline on [-B, B], continued by the identity outside.

    In a bin [x_k, x_k + w] -> [y_k, y_k + h] of mean slope s = h / w with slopes d_0, d_1 at its ends, and with
    t = (x - x_k) / w,

        f(x)  = y_k + h (s t² + d_0 t (1-t)) / (s + (d_0 + d_1 - 2s) t (1-t))
        f'(x) = s² (d_1 t² + 2 s t (1-t) + d_0 (1-t)²) / (s + (d_0 + d_1 - 2s) t (1-t))²

    The 3K - 1 parameters of an element are K widths and K heights (softmax) and K - 1 inner slopes
    (softplus); the slope at ±B is 1, that of the tails, so f is continuously differentiable on the whole line.

    Arguments:
        bins: K.
        bound: B, positive.
        min_bin: the smallest width and height of a bin, relative to the domain; less than 1 / K. It is what
            keeps the inverse accurate in float32.
        min_slope: the smallest slope at an inner knot, in (0, 1).

    Reference:
        "Neural Spline Flows", Durkan, Bekasov, Murray, Papamakarios, 2019, after
        "Piecewise Rational Quadratic Interpolation to Monotonic Data", Gregory, Delbourgo, 1982.
    """

    bins: int = eqx.field(static=True)
    bound: float = eqx.field(static=True)
    min_bin: float = eqx.field(static=True)
    min_slope: float = eqx.field(static=True)
    num_params: int = eqx.field(static=True)

    def __init__(self, bins: int = 8, bound: float = 5.0, *, min_bin: float = 1e-2, min_slope: float = 1e-3):
        require_count("bins", bins, 2)
        self.bins = bins
        self.bound = bound
        self.min_bin = min_bin
        self.min_slope = min_slope
        self.num_params = 3 * bins - 1

    def __check_init__(self) -> None:
        """Check the settings."""
        most = 1 / self.bins
        require(self.bound > 0, "bound", "positive", self.bound)
        require(0 < self.min_bin < most, "min_bin", f"between 0 and 1/bins = {most:.3g}", self.min_bin)
        require(0 < self.min_slope < 1, "min_slope", "between 0 and 1", self.min_slope)

    def forward_and_log_derivative(
        self, z: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return f(z) and log f'(z)."""
        inside = jnp.abs(z) < self.bound
        safe = jnp.where(inside, z, 0.0)
        b = self._bin(safe, params, by_height=False)
        t, near, far, flip = _from_nearer_end(safe, b.x, b.x_end, b.width, b)
        rise = b.height * _rise(t, b.slope, near, far)
        x = jnp.where(flip, b.y_end - rise, b.y + rise)
        return jnp.where(inside, x, z), jnp.where(inside, _log_derivative(t, b.slope, near, far), 0.0)

    def inverse_and_log_derivative(
        self, x: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return f⁻¹(x) and log (f⁻¹)'(x)."""
        inside = jnp.abs(x) < self.bound
        safe = jnp.where(inside, x, 0.0)
        b = self._bin(safe, params, by_height=True)
        r, near, far, flip = _from_nearer_end(safe, b.y, b.y_end, b.height, b)
        t = _inverse_rise(r, b.slope, near, far)
        z = jnp.where(flip, b.x_end - b.width * t, b.x + b.width * t)
        return jnp.where(inside, z, x), jnp.where(inside, -_log_derivative(t, b.slope, near, far), 0.0)

    def _bin(self, at: Array, params: Array, *, by_height: bool) -> "_Bin":
        """Return the bin that holds `at`, an abscissa or (`by_height`) an ordinate.

        Everything that depends on the bins is a sum over them under a mask: a gather or a chain of selects costs
        several times more. The parameter axis comes first, because XLA vectorizes along the last axis only.
        """
        k = self.bins
        # `at` is finite: what is outside, or not a number, has been replaced.
        one = one_like(at)
        raw_sizes, raw_slopes = jnp.split(
            jnp.moveaxis(jnp.broadcast_to(params, (*at.shape, self.num_params)), -1, 0), [2 * k]
        )
        raw_sizes = raw_sizes.reshape((2, k, *at.shape))
        weights = jnp.exp(raw_sizes - jax.lax.stop_gradient(raw_sizes.max(axis=1, keepdims=True)))
        least = 2 * self.bound * self.min_bin
        free = 2 * self.bound * (1 - k * self.min_bin) / weights.sum(axis=1)

        index = materialize_index(
            _count_passed(weights[int(by_height)], free[int(by_height)], at, least, self.bound), k - 1
        )
        bins = np.arange(k, dtype=np.int32).reshape((k,) + (1,) * at.ndim)
        before = jnp.where(bins < index, weights, 0.0).sum(axis=1)
        here = jnp.where(bins == index, weights, 0.0).sum(axis=1)
        starts = free * before + (index * least - self.bound)
        sizes = free * here + least
        # The end is computed as the next bin computes its start, so that a bin ends where the next one begins. The size
        # is not the difference of the two, which has lost digits, and all of them in a narrow bin.
        ends = free * (before + here) + ((index + 1) * least - self.bound)

        def slope(knot: Array, at_end: Array) -> Array:
            raw = jnp.where(bins[: k - 1] == knot, raw_slopes, 0.0).sum(axis=0)
            return jnp.where(at_end, 1.0, jax.nn.softplus(raw + inverse_softplus(1 - self.min_slope)) + self.min_slope)

        return _Bin(
            x=materialize(starts[0], one),
            y=materialize(starts[1], one),
            x_end=materialize(ends[0], one),
            y_end=materialize(ends[1], one),
            width=materialize(sizes[0], one),
            height=materialize(sizes[1], one),
            left=materialize(slope(index - 1, index == 0), one),
            right=materialize(slope(index, index == k - 1), one),
        )


class _Bin(NamedTuple):
    """Left end (x, y), right end, size and the slopes at both ends of a bin."""

    x: Array
    y: Array
    x_end: Array
    y_end: Array
    width: Array
    height: Array
    left: Array
    right: Array

    @property
    def slope(self) -> Array:
        return self.height / self.width


def _from_nearer_end(at: Array, start: Array, end: Array, size: Array, b: _Bin) -> tuple[Array, Array, Array, Array]:
    """Return the distance from the nearer end in units of the size, the slopes there and beyond, and which end.

    A bin is a bin again when both axes are mirrored. Close to the right end, distances from the left have lost
    the digits that distinguish one from the end, and the inverse of a flat piece would not be increasing.
    """
    flip = at - start > end - at
    t = round_into(jnp.where(flip, end - at, at - start) / size, 0.0, 1.0)
    return t, jnp.where(flip, b.right, b.left), jnp.where(flip, b.left, b.right), flip


def _count_passed(weights: Array, free: Array, at: Array, least: float, bound: float) -> Array:
    """Return the number of inner knots at or below `at`, up to rounding, so that `at` is in its bin or beside it."""
    total = jnp.zeros_like(free)
    count = jnp.zeros(at.shape, jnp.int32)
    for j in range(len(weights) - 1):
        total = total + weights[j]
        count = count + (at >= free * total + ((j + 1) * least - bound))
    return count


def _rise(t: Array, s: Array, left: Array, right: Array) -> Array:
    """Return how much of the bin's height has been climbed at t, from 0 to 1."""
    u = t * (1 - t)
    return (s * t * t + left * u) / (s + (left + right - 2 * s) * u)


def _numerator_denominator(t: Array, s: Array, left: Array, right: Array) -> tuple[Array, Array]:
    u = t * (1 - t)
    return right * t * t + 2 * s * u + left * (1 - t) * (1 - t), s + (left + right - 2 * s) * u


def _log_derivative(t: Array, s: Array, left: Array, right: Array) -> Array:
    """Return log(s² n / d²), with factors whose product does not leave the range of floats before it must."""
    n, d = _numerator_denominator(t, s, left, right)
    return jnp.log((n / d) * (s * (s / d)))


@jax.custom_jvp
def _inverse_rise(r: Array, s: Array, left: Array, right: Array) -> Array:
    """Return the t at which `_rise` is r, as the root of A t² + B t + C = 0.

    Both forms of the root are exact in real numbers; the one whose terms do not cancel depends on the sign of B. If
    B < 0, then r (d_0 + d_1 - 2s) > d_0, so that A > s > 0: neither form divides by zero.
    """
    bend = r * (left + right - 2 * s)
    a, b, c = s - left + bend, left - bend, -s * r
    root = jnp.sqrt(jnp.maximum(b * b - 4 * a * c, 0.0))
    falling = b < 0
    numerator = jnp.where(falling, root - b, -2 * c)
    denominator = jnp.where(falling, 2 * a, b + root)
    return jnp.clip(numerator / jnp.where(denominator > 0, denominator, 1.0), 0.0, 1.0)


@_inverse_rise.defjvp
def _inverse_rise_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    # By the implicit function theorem, from the derivatives of `_rise`: those of the root formula cancel, and the
    # square root has none at zero.
    r_dot, *shape_dots = tangents
    t = _inverse_rise(*primals)
    shape = primals[1:]
    _, rise_dot = jax.jvp(partial(_rise, t), shape, tuple(shape_dots))
    n, d = _numerator_denominator(t, *shape)
    return t, (r_dot - rise_dot) * (d / n) * (d / shape[0])
