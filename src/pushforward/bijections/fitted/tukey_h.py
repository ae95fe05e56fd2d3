"""Heavy tails of the data, with indices estimated from them."""

from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._arrays import as_float
from ..._errors import require
from ..._fields import FIXED
from ..._types import ArrayLike, Conditions, Events, Scalars
from ...numerics.tails import tails
from .._base import AbstractBatchBijection
from .._fitted import AbstractData, AbstractFitted, require_set_or_identity, unmoved
from ..composites.invert import Invert
from ..elementwise.identity import Identity
from .standardize import checked_loc_scale, is_standard

#: Steps of the fourth order that solve for the inverse, and the number below which h z² is zero beside one.
STEPS, NOTHING = 2, -40.0


@final
class TukeyH(AbstractBatchBijection, AbstractFitted):
    """Heavy tails as part of the density: Tukey's h transformation of each element, with an h for each side.

        x = loc + scale z exp(h z² / 2),   h = left for z < 0, right for z >= 0,
        log|det df/dz| = Σ (log(1 + h z²) + h z² / 2 + log scale)

    Of normal z, it makes tails P(x > t) ~ t^(-1 / h): h = 1 those of a Cauchy distribution, h = 1 / ν those of
    Student's with ν degrees of freedom; with h = 0 it is a location and a scale. It is twice continuously
    differentiable. `pushforward.fit` sets it once from data, where `fitted` is False; it is saved with the model and
    never trained. It stands next to the data: the rest of a flow, whose tails are those of a normal distribution, then
    has to do with tails of that kind only.

    Arguments:
        loc: location, of the shape of one event.
        scale: positive scale, of the same shape.
        left: h of the numbers below the location, not negative, of the same shape.
        right: h of the numbers above.
        fitted: whether the numbers came from data; if not, they are the identity's, which `pushforward.fit` replaces.

    Raises:
        ValueError: if the shapes differ, a scale is not positive and finite, an h is negative or not finite, or the map
            is neither fitted nor the identity.

    Reference:
        "The Lambert Way to Gaussianize Heavy-Tailed Data with the Inverse of Tukey's h Transformation as a Special
        Case", Goerg, 2015.
    """

    loc: Array = eqx.field(metadata=FIXED)
    scale: Array = eqx.field(metadata=FIXED)
    left: Array = eqx.field(metadata=FIXED)
    right: Array = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)
    fitted: bool = eqx.field(static=True)

    def __init__(self, loc: ArrayLike, scale: ArrayLike, left: ArrayLike, right: ArrayLike, *, fitted: bool = True):
        self.loc, self.scale = checked_loc_scale(loc, scale)
        self.shape = self.loc.shape
        self.left, self.right = (_checked(name, h, self.shape) for name, h in (("left", left), ("right", right)))
        light = not np.any(np.asarray(self.left)) and not np.any(np.asarray(self.right))
        require_set_or_identity(fitted, light and is_standard(self.loc, self.scale))
        self.cond_shape = None
        self.fitted = fitted

    @classmethod
    def unfitted(cls, shape: tuple[int, ...]) -> "TukeyH":
        """Return the identity, which fitting replaces by the tails of the data."""
        zeros = np.zeros(shape, jnp.result_type(float))
        return cls(zeros, np.ones_like(zeros), zeros, zeros, fitted=False)

    def fit_to(self, data: AbstractData) -> "TukeyH | Identity":
        """Return the map with the tails of the elements that have heavy ones, and the identity of the others.

        An element is heavy if, on one side, the index of a generalized Pareto distribution of its outermost tenth is
        above zero by more than chance, and above 0.15, or 0.3 where both sides are heavy. It then has its median as
        location and a scale that fits its quartiles. If no element is heavy, this is an `Identity`, at no cost.

        Reference:
            "A New and Efficient Estimation Method for the Generalized Pareto Distribution", Zhang, Stephens, 2009.
        """
        found = tails(*data.observed())
        if not found.heavy.any():
            return Identity(self.shape)
        dtype = jnp.result_type(self.loc, data.dtype)
        numbers = (found.loc, found.scale, found.left, found.right)
        return TukeyH(*(jnp.asarray(a.reshape(self.shape), dtype) for a in numbers))

    def inverted(self) -> Invert:
        """Return the inverse."""
        return Invert(self)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        if not self.fitted:
            return unmoved(z, self.loc, z.shape[-1:])
        spread = self._h(z) * z * z
        x = self.loc[..., None] + self.scale[..., None] * z * jnp.exp(spread / 2)
        return x, self._log_det(spread)

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        if not self.fitted:
            return unmoved(x, self.loc, x.shape[-1:])
        # A quarter of the largest number, so that gradients do not overflow either.
        most = jnp.finfo(x.dtype).max / 4
        y = jnp.clip((x - self.loc[..., None]) / self.scale[..., None], -most, most)
        h = self._h(y)
        z = _undone(y, h)
        return z, -self._log_det(h * z * z)

    def _h(self, signed: Events) -> Events:
        return jnp.where(signed < 0, self.left[..., None], self.right[..., None])

    def _log_det(self, spread: Events) -> Scalars:
        each = jnp.log1p(spread) + spread / 2 + jnp.log(self.scale)[..., None]
        return each.sum(axis=tuple(range(len(self.shape))))


@jax.custom_jvp
def _undone(y: Events, h: Events) -> Events:
    """Return z with z exp(h z² / 2) = y.

    s = h z² solves s + log s = log(h y²): it is the Wright omega function of that number.

    Reference:
        "Algorithm 917: Complex Double-Precision Evaluation of the Wright ω Function", Lawrence, Corless, Jeffrey, 2012.
    """
    size = jnp.abs(y)
    c = jnp.maximum(jnp.log(h) + 2 * jnp.log(size), NOTHING)
    small = jnp.exp(jnp.minimum(c, 1.0))
    s = jnp.where(c < 1, small / (1 + small), c - jnp.log(jnp.maximum(c, 1.0)))
    for _ in range(STEPS):
        error = c - s - jnp.log(s)
        slope = 1 + s
        twice = 2 * slope * (slope + 2 * error / 3)
        s = s * (1 + error / slope * (twice - error) / (twice - 2 * error))
    # Where s is large, the exponential has lost digits; where it is small, so has the quotient.
    return jnp.copysign(jnp.where(s < 1, size * jnp.exp(-s / 2), jnp.sqrt(s / jnp.where(s < 1, 1.0, h))), y)


@_undone.defjvp
def _undone_jvp(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Events, Events]:
    (y, h), (dy, dh) = primals, tangents
    z = _undone(y, h)
    s = h * z * z
    # Numbers without a heavy tail may be so large that their cubes overflow.
    cube = jnp.clip(z, -1e12, 1e12) ** 3
    return z, (jnp.exp(-s / 2) * dy - cube / 2 * dh) / (1 + s)


def _checked(name: str, h: ArrayLike, shape: tuple[int, ...]) -> Array:
    h = as_float(name, h)
    require(h.shape == shape, name, f"of the shape of `loc`, {shape}", f"`shape {h.shape}`")
    require(bool(np.all(np.isfinite(h)) and np.all(np.asarray(h) >= 0)), name, "finite and not negative", h)
    return h
