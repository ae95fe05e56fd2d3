"""Monotone rational-quadratic splines."""

from typing import NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import require, require_count
from ..numerics.safe import inverse_softplus, round_into, safe_sqrt
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
        t = round_into((safe - b.x) / b.width, 0.0, 1.0)
        x = b.y + b.height * (b.slope * t * t + b.left * t * (1 - t)) / _denominator(t, b)
        return jnp.where(inside, x, z), jnp.where(inside, _log_derivative(t, b), 0.0)

    def inverse_and_log_derivative(
        self, x: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return f⁻¹(x) and log (f⁻¹)'(x)."""
        inside = jnp.abs(x) < self.bound
        safe = jnp.where(inside, x, 0.0)
        b = self._bin(safe, params, by_height=True)
        # With r = (x - y_k) / h, t solves A t² + B t + C = 0 for the coefficients below. Both forms of the
        # root are exact in real numbers; the one whose terms do not cancel depends on the sign of B. If B < 0,
        # then r (d_0 + d_1 - 2s) > d_0, so that A > s > 0: neither form divides by zero.
        r = round_into((safe - b.y) / b.height, 0.0, 1.0)
        bend = r * (b.left + b.right - 2 * b.slope)
        qa, qb, qc = b.slope - b.left + bend, b.left - bend, -b.slope * r
        root = safe_sqrt(qb * qb - 4 * qa * qc)
        falling = qb < 0
        numerator = jnp.where(falling, root - qb, -2 * qc)
        denominator = jnp.where(falling, 2 * qa, qb + root)
        t = round_into(numerator / jnp.where(denominator > 0, denominator, 1.0), 0.0, 1.0)
        z = b.x + b.width * t
        return jnp.where(inside, z, x), jnp.where(inside, -_log_derivative(t, b), 0.0)

    def _bin(self, at: Array, params: Array, *, by_height: bool) -> "_Bin":
        """Return the bin that holds `at`, an abscissa or (`by_height`) an ordinate.

        Everything that depends on the bins is a sum over them under a mask. XLA fuses these sums and their
        gradients are as cheap; a gather, a cumulative sum or a chain of selects costs several times more.
        """
        k = self.bins
        raw_widths, raw_heights, raw_slopes = jnp.split(params, [k, 2 * k], axis=-1)
        widths, heights = self._sizes(raw_widths), self._sizes(raw_heights)
        sizes = jax.lax.stop_gradient(heights if by_height else widths)
        right_ends = jnp.dot(sizes, np.triu(np.ones((k, k), sizes.dtype)), precision="highest") - self.bound
        # The last bin ends at B itself, whatever the rounding of the sum.
        passed = (at[..., None] >= right_ends) & (np.arange(k) < k - 1)
        here = jnp.concatenate([jnp.ones_like(passed[..., :1]), passed[..., :-1]], axis=-1) & ~passed

        def total(mask: Array, values: Array) -> Array:
            return jnp.where(mask, values, 0.0).sum(axis=-1)

        def slope(inner: Array, at_end: Array) -> Array:
            raw = total(inner, raw_slopes) + inverse_softplus(1 - self.min_slope)
            return jnp.where(at_end, 1.0, jax.nn.softplus(raw) + self.min_slope)

        return _Bin(
            x=total(passed, widths) - self.bound,
            y=total(passed, heights) - self.bound,
            width=total(here, widths),
            height=total(here, heights),
            left=slope(here[..., 1:], here[..., 0]),
            right=slope(here[..., :-1], here[..., -1]),
        )

    def _sizes(self, raw: Array) -> Array:
        """Return the widths or heights of the bins, at least `min_bin` of the domain each."""
        weights = jnp.exp(raw - jax.lax.stop_gradient(raw.max(axis=-1, keepdims=True)))
        free = 2 * self.bound * (1 - self.bins * self.min_bin)
        return 2 * self.bound * self.min_bin + (free / weights.sum(axis=-1, keepdims=True)) * weights


class _Bin(NamedTuple):
    """Left end (x, y), size and slopes at both ends of a bin."""

    x: Array
    y: Array
    width: Array
    height: Array
    left: Array
    right: Array

    @property
    def slope(self) -> Array:
        return self.height / self.width


def _denominator(t: Array, b: _Bin) -> Array:
    return b.slope + (b.left + b.right - 2 * b.slope) * t * (1 - t)


def _log_derivative(t: Array, b: _Bin) -> Array:
    numerator = b.right * t * t + 2 * b.slope * t * (1 - t) + b.left * (1 - t) * (1 - t)
    return 2 * jnp.log(b.slope) + jnp.log(numerator) - 2 * jnp.log(_denominator(t, b))
