"""Monotone rational-quadratic splines."""

from functools import partial
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import require, require_count
from ..numerics.layout import materialize, materialize_index, one_like
from ..numerics.reductions import short_max, short_sum
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
    (softplus). The slope at ±B is 1, like the slope of the tails, so f is continuously differentiable on the line.

    Arguments:
        bins: K.
        bound: B, positive.
        min_bin: the smallest width and height of a bin, relative to the domain; less than 1 / K. It
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
        self.bins = require_count("bins", bins, 2)
        self.bound = bound
        self.min_bin = min_bin
        self.min_slope = min_slope
        self.num_params = 3 * self.bins - 1

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
        x, log_derivative = _forward(safe, self._bin(safe, params, by_height=False))
        return jnp.where(inside, x, z), jnp.where(inside, log_derivative, 0.0)

    def inverse_and_log_derivative(
        self, x: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return f⁻¹(x) and log (f⁻¹)'(x)."""
        inside = jnp.abs(x) < self.bound
        safe = jnp.where(inside, x, 0.0)
        z, log_derivative = _inverse(safe, self._bin(safe, params, by_height=True))
        return jnp.where(inside, z, x), jnp.where(inside, -log_derivative, 0.0)

    def _bin(self, at: Array, params: Array, *, by_height: bool) -> "_Bin":
        """Return the bin that holds `at`, an abscissa or (`by_height`) an ordinate.

        Everything that depends on the bins is a sum over them under a mask: a gather or a chain of selects costs
        several times more. The parameter axis comes first, because XLA vectorizes along the last axis only.
        """
        k = self.bins
        # `at` is finite: the caller has replaced numbers outside and NaN.
        one = one_like(at)
        raw_sizes, raw_slopes = jnp.split(
            jnp.moveaxis(jnp.broadcast_to(params, (*at.shape, self.num_params)), -1, 0), [2 * k]
        )
        raw_sizes = raw_sizes.reshape((2, k, *at.shape))
        weights = jnp.exp(raw_sizes - short_max(raw_sizes, 1)[:, None])
        least = 2 * self.bound * self.min_bin
        free = 2 * self.bound * (1 - k * self.min_bin) / short_sum(weights, 1)

        index = materialize_index(
            _count_passed(weights[int(by_height)], free[int(by_height)], at, least, self.bound), k - 1
        )
        bins = np.arange(k, dtype=np.int32).reshape((k,) + (1,) * at.ndim)
        # Products, because XLA would read the zeros of a `where` from memory.
        before = short_sum(weights * (bins < index), 1)
        here = short_sum(weights * (bins == index), 1)
        starts = free * before + (index * least - self.bound)
        sizes = free * here + least
        # A bin ends exactly where the next bin begins, because both compute this number alike. The size is computed by
        # itself, because the difference of start and end loses digits, in a narrow bin all of them.
        ends = free * (before + here) + ((index + 1) * least - self.bound)

        def slope(knot: Array, at_end: Array) -> Array:
            raw = short_sum(jnp.where(bins[: k - 1] == knot, raw_slopes, 0.0), 0)
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
    """A bin: its left end (x, y), its right end, its size and the slopes at both ends."""

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


class _Place(NamedTuple):
    """The place of a number in its bin, measured from the nearer end: the right end if `flip`.

    A bin mirrored in both axes is a bin again. Close to the right end, a distance from the left end has lost the digits
    that tell it from the size of the bin, and the inverse of a flat piece would not be increasing.

    Attributes:
        t: the distance from the nearer end, in units of the width.
        rise: the rise of f over this distance, in units of the height.
        near, far: the slopes at the nearer and at the farther end.
        flip: whether the nearer end is the right one.
    """

    t: Array
    rise: Array
    near: Array
    far: Array
    flip: Array


def _from_nearer_end(at: Array, start: Array, end: Array, size: Array, b: _Bin) -> tuple[Array, Array, Array, Array]:
    """Return the distance from the nearer end in units of the size, the slopes at nearer and farther end, `flip`."""
    flip = at - start > end - at
    t = round_into(jnp.where(flip, end - at, at - start) / size, 0.0, 1.0)
    return t, jnp.where(flip, b.right, b.left), jnp.where(flip, b.left, b.right), flip


def _place_of_z(z: Array, b: _Bin) -> _Place:
    t, near, far, flip = _from_nearer_end(z, b.x, b.x_end, b.width, b)
    return _Place(t, _rise(t, b.slope, near, far), near, far, flip)


def _place_of_x(x: Array, b: _Bin) -> _Place:
    rise, near, far, flip = _from_nearer_end(x, b.y, b.y_end, b.height, b)
    return _Place(_inverse_rise(rise, b.slope, near, far), rise, near, far, flip)


def _from_left(of_nearer: Array, flip: Array) -> tuple[Array, Array]:
    """Return the distances from the left and from the right end, in units of the size."""
    rest = 1 - of_nearer
    return jnp.where(flip, rest, of_nearer), jnp.where(flip, of_nearer, rest)


class _Partials(NamedTuple):
    """Partial derivatives of the rise, and of the log-derivative, by t and the mean, left and right slope."""

    rise: tuple[Array, Array, Array, Array]
    log_derivative: tuple[Array, Array, Array, Array]


def _partials(p: _Place, b: _Bin) -> _Partials:
    """Return the partial derivatives as seen from the left end, without subtracting numbers that are nearly one."""
    u = p.t * (1 - p.t)
    n, d = _numerator_denominator(p.t, b.slope, p.near, p.far)
    by_n, by_d = 1 / n, 1 / d
    (t, t_right), (rise, rise_right) = _from_left(p.t, p.flip), _from_left(p.rise, p.flip)
    by_slope = (p.t * p.t - p.rise * (1 - 2 * u)) * by_d
    of_rise = (
        b.slope * (n * by_d) * by_d,
        jnp.where(p.flip, -by_slope, by_slope),
        u * rise_right * by_d,
        -u * rise * by_d,
    )
    bend = (b.left + b.right - 2 * b.slope) * (t_right - t)
    of_log = (
        2 * (b.right * t + b.slope * (t_right - t) - b.left * t_right) * by_n - 2 * bend * by_d,
        2 / b.slope + 2 * u * by_n - 2 * (1 - 2 * u) * by_d,
        t_right * t_right * by_n - 2 * u * by_d,
        t * t * by_n - 2 * u * by_d,
    )
    return _Partials(of_rise, of_log)


def _dot(partials: tuple[Array, ...], tangents: tuple[Array, ...]) -> Array:
    first, *rest = (p * t for p, t in zip(partials, tangents, strict=True))
    return sum(rest, start=first)


@jax.custom_jvp
def _forward(z: Array, b: _Bin) -> tuple[Array, Array]:
    """Return f(z) and log f'(z) for z in bin b."""
    p = _place_of_z(z, b)
    climbed = b.height * p.rise
    return jnp.where(p.flip, b.y_end - climbed, b.y + climbed), _log_derivative(p.t, b.slope, p.near, p.far)


@jax.custom_jvp
def _inverse(x: Array, b: _Bin) -> tuple[Array, Array]:
    """Return z = f⁻¹(x) and log f'(z) for x in bin b."""
    p = _place_of_x(x, b)
    passed = b.width * p.t
    return jnp.where(p.flip, b.x_end - passed, b.x + passed), _log_derivative(p.t, b.slope, p.near, p.far)


# The rules below are the derivatives in closed form: derivatives of the root formula cancel digits, and automatic
# differentiation makes longer programs. They need no tangent of the right end, which follows from left end and size.


@_forward.defjvp
def _forward_jvp(primals: tuple[Array, _Bin], tangents: tuple[Array, _Bin]) -> tuple[Any, Any]:
    (z, b), (z_dot, b_dot) = primals, tangents
    partials, t, rise, dots = _changes(_place_of_z(z, b), b, b_dot)
    t_dot = (z_dot - b_dot.x - t * b_dot.width) / b.width
    rise_dot = _dot(partials.rise, (t_dot, *dots))
    x_dot = b_dot.y + rise * b_dot.height + b.height * rise_dot
    return _forward(z, b), (x_dot, _dot(partials.log_derivative, (t_dot, *dots)))


@_inverse.defjvp
def _inverse_jvp(primals: tuple[Array, _Bin], tangents: tuple[Array, _Bin]) -> tuple[Any, Any]:
    (x, b), (x_dot, b_dot) = primals, tangents
    partials, t, rise, dots = _changes(_place_of_x(x, b), b, b_dot)
    rise_dot = (x_dot - b_dot.y - rise * b_dot.height) / b.height
    # By the implicit function theorem.
    t_dot = (rise_dot - _dot(partials.rise[1:], dots)) / partials.rise[0]
    z_dot = b_dot.x + t * b_dot.width + b.width * t_dot
    return _inverse(x, b), (z_dot, _dot(partials.log_derivative, (t_dot, *dots)))


def _changes(p: _Place, b: _Bin, b_dot: _Bin) -> tuple[_Partials, Array, Array, tuple[Array, Array, Array]]:
    """Return the partial derivatives, t and rise from the left end, and the tangents of the mean, left, right slope."""
    slope_dot = (b_dot.height - b.slope * b_dot.width) / b.width
    t, rise = (_from_left(of_nearer, p.flip)[0] for of_nearer in (p.t, p.rise))
    return _partials(p, b), t, rise, (slope_dot, b_dot.left, b_dot.right)


def _count_passed(weights: Array, free: Array, at: Array, least: float, bound: float) -> Array:
    """Return the number of inner knots at or below `at`: the index of its bin or, by rounding, of a bin next to it."""
    total = jnp.zeros_like(free)
    count = jnp.zeros(at.shape, jnp.int32)
    for j in range(len(weights) - 1):
        total = total + weights[j]
        count = count + (at >= free * total + ((j + 1) * least - bound))
    return count


def _rise(t: Array, s: Array, left: Array, right: Array) -> Array:
    """Return the rise of f up to t, in units of the bin's height."""
    u = t * (1 - t)
    return (s * t * t + left * u) / (s + (left + right - 2 * s) * u)


def _numerator_denominator(t: Array, s: Array, left: Array, right: Array) -> tuple[Array, Array]:
    u = t * (1 - t)
    return right * t * t + 2 * s * u + left * (1 - t) * (1 - t), s + (left + right - 2 * s) * u


def _log_derivative(t: Array, s: Array, left: Array, right: Array) -> Array:
    """Return log(s² n / d²), with factors in an order that avoids overflow and underflow."""
    n, d = _numerator_denominator(t, s, left, right)
    return jnp.log((n / d) * (s * (s / d)))


@jax.custom_jvp
def _inverse_rise(r: Array, s: Array, left: Array, right: Array) -> Array:
    """Return the t at which `_rise` is r, as the root of A t² + B t + C = 0.

    The root has two forms, equal in real numbers; the sign of B decides whose terms do not cancel. If B < 0, then
    r (d_0 + d_1 - 2s) > d_0, so that A > s > 0: neither form divides by zero.
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
    # By the implicit function theorem, from the derivatives of `_rise`: derivatives of the root formula cancel digits,
    # and the square root has no derivative at zero.
    r_dot, *shape_dots = tangents
    t = _inverse_rise(*primals)
    shape = primals[1:]
    _, rise_dot = jax.jvp(partial(_rise, t), shape, tuple(shape_dots))
    n, d = _numerator_denominator(t, *shape)
    return t, (r_dot - rise_dot) * (d / n) * (d / shape[0])
