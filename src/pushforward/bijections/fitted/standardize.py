"""Location and scale of the data, fitted in closed form."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._arrays import as_float
from ..._errors import require
from ..._fields import FIXED
from ..._types import ArrayLike, Condition, Event, Scalar
from .._fitted import AbstractData, AbstractFitted, loc_scale, require_set_or_identity, unmoved


@final
class Standardize(AbstractFitted):
    """Standardization as part of the density: x = scale * z + loc, with log-determinant Σ log scale.

    `pushforward.fit` sets location and scale once from data, where `fitted` is False; they are saved with the model and
    never trained. As they are part of the map, densities stay in the units of the data.

    Arguments:
        loc: location, of the shape of one event.
        scale: positive scale, of the same shape.
        fitted: whether location and scale came from data; if not, they are 0 and 1, which `pushforward.fit` replaces.

    Raises:
        ValueError: if the shapes differ, a scale is not positive and finite, or the map is neither fitted nor the
            identity.
    """

    loc: Array = eqx.field(metadata=FIXED)
    scale: Array = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)
    fitted: bool = eqx.field(static=True)

    def __init__(self, loc: ArrayLike, scale: ArrayLike, *, fitted: bool = True):
        self.loc, self.scale = checked_loc_scale(loc, scale)
        require_set_or_identity(fitted, is_standard(self.loc, self.scale))
        self.shape = self.loc.shape
        self.cond_shape = None
        self.fitted = fitted

    @classmethod
    def unfitted(cls, shape: tuple[int, ...]) -> "Standardize":
        """Return the identity, which fitting replaces by the location and scale of the data."""
        dtype = jnp.result_type(float)
        return cls(np.zeros(shape, dtype), np.ones(shape, dtype), fitted=False)

    def fit_to(self, data: AbstractData) -> "Standardize":
        """Return the map with the mean and the standard deviation of each element."""
        return Standardize(*loc_scale(data.moments(), self.shape, jnp.result_type(self.loc, data.dtype)))

    def inverted(self) -> "Standardize":
        """Return z = (x - loc) / scale as a standardization."""
        return Standardize(-self.loc / self.scale, 1 / self.scale, fitted=self.fitted)

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        if not self.fitted:
            return unmoved(z, self.loc)
        return z * self.scale + self.loc, jnp.log(self.scale).sum()

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        if not self.fitted:
            return unmoved(x, self.loc)
        return (x - self.loc) / self.scale, -jnp.log(self.scale).sum()


def checked_loc_scale(loc: ArrayLike, scale: ArrayLike) -> tuple[Array, Array]:
    """Return location and scale as arrays.

    Raises:
        ValueError: if the shapes differ, a location is not finite, or a scale is not positive and finite.
    """
    loc, scale = as_float("loc", loc), as_float("scale", scale)
    require(scale.shape == loc.shape, "scale", f"of the shape of `loc`, {loc.shape}", f"`shape {scale.shape}`")
    require(bool(np.all(np.isfinite(loc))), "loc", "finite", loc)
    require(
        bool(np.all(np.isfinite(scale)) and np.all(np.asarray(scale) > 0)),
        "scale",
        "positive and finite",
        scale,
    )
    return loc, scale


def is_standard(loc: Array, scale: Array) -> bool:
    """Return whether a location is 0 and a scale is 1."""
    return bool(np.all(np.asarray(loc) == 0) and np.all(np.asarray(scale) == 1))
