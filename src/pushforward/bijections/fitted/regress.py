"""Linear dependence of the data on the condition, fitted in closed form."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._arrays import as_float
from ..._errors import require
from ..._fields import FIXED
from ..._types import ArrayLike, Condition, Conditions, Event, Events, Scalar
from ...networks._layers import with_condition
from ...numerics.products import precision
from ...numerics.safe import compress_tails
from .._fitted import AbstractData, AbstractFitted, flat_events, require_set_or_identity, unmoved
from .whiten import MAX_CORRELATED

#: The smallest ridge of a regression, relative to the variance of a condition: data that are linear up to rounding keep
#: a residual scale that float32 can tell from zero.
MIN_RIDGE = 1e-4


@final
class Regress(AbstractFitted):
    """Linear regression as part of the density: x = z + A s(c) + b, with log-determinant 0.

    s(c) is the condition as networks see it: s(c) = c within ±5 and ±5 (1 + log(|c| / 5)) beyond, so that one wrong
    cell moves no event far. `pushforward.fit` sets A and b once, by ridge regression, where `fitted` is False; they are
    saved with the model and never trained. With this map, and a `Whiten` before it, a conditional flow starts from the
    normal distribution around the regression line and learns the nonlinear and non-normal rest. The condition should
    be of order one; a `StandardizeCondition` around this map makes it so.

    Arguments:
        coefficients: A, shape (dim, cond_dim).
        intercept: b, shape (dim,).
        fitted: whether A and b came from data; if not, they are zero, and `pushforward.fit` replaces them.

    Raises:
        ValueError: if the shapes do not match, a number is not finite, or the map is neither fitted nor the identity.

    Reference:
        "Ridge Regression: Biased Estimation for Nonorthogonal Problems", Hoerl, Kennard, 1970.
    """

    coefficients: Array = eqx.field(metadata=FIXED)
    intercept: Array = eqx.field(metadata=FIXED)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)
    fitted: bool = eqx.field(static=True)

    def __init__(self, coefficients: ArrayLike, intercept: ArrayLike, *, fitted: bool = True):
        self.coefficients = as_float("coefficients", coefficients)
        self.intercept = as_float("intercept", intercept)
        shape = self.coefficients.shape
        require(len(shape) == 2 and min(shape) > 0, "coefficients", "of shape (dim, cond_dim)", f"`shape {shape}`")
        given = self.intercept.shape
        require(given == shape[:1], "intercept", f"of shape {shape[:1]}, as `coefficients` has", f"`shape {given}`")
        for name, value in (("coefficients", self.coefficients), ("intercept", self.intercept)):
            require(bool(np.all(np.isfinite(value))), name, "finite", value)
        require_set_or_identity(fitted, not np.any(self.coefficients) and not np.any(self.intercept))
        self.shape, self.cond_shape = shape[:1], shape[1:]
        self.fitted = fitted

    @classmethod
    def unfitted(cls, dim: int, cond_dim: int) -> "Regress":
        """Return the identity, which fitting replaces by the regression of the data."""
        return cls(np.zeros((dim, cond_dim)), np.zeros(dim), fitted=False)

    def fit_to(self, data: AbstractData) -> "Regress":
        """Return the ridge regression of x on the condition, with a ridge of columns / rows * noise / signal.

        This ridge is the best if signal is the variance that all coefficients explain together: the fewer the rows, the
        smaller the coefficients. A first regression, with a ridge of columns / rows, estimates noise and signal of each
        element of x. Beyond `MAX_CORRELATED` columns the map stays the identity.

        Reference:
            "Ridge Regression: Some Simulations", Hoerl, Kennard, Baldwin, 1975.
        """
        dim, columns = self.coefficients.shape
        if dim + columns > MAX_CORRELATED:
            return Regress(self.coefficients, self.intercept)
        loc, joint = data.moments(_side_by_side).loc, data.covariance(_side_by_side)
        scale = np.sqrt(np.where(np.diag(joint) > 0, np.diag(joint), 1.0))[dim:]
        values, vectors = np.linalg.eigh(joint[dim:, dim:] / np.outer(scale, scale))
        values = np.maximum(values, 0.0)[:, None]
        of_x = vectors.T @ (joint[dim:, :dim] / scale[:, None])

        def solve(ridge: np.ndarray) -> np.ndarray:
            return of_x / (values + np.maximum(ridge, MIN_RIDGE))

        share = columns / data.rows
        signal = (values * np.square(solve(np.full(dim, share)))).sum(axis=0)
        noise = np.maximum(np.diag(joint)[:dim] - signal, 0.0)
        coefficients = (vectors @ solve(share * noise / np.maximum(signal, 1e-12)) / scale[:, None]).T
        intercept = loc[:dim] - coefficients @ loc[dim:]
        dtype = jnp.result_type(self.coefficients, data.dtype)
        return Regress(jnp.asarray(coefficients, dtype), jnp.asarray(intercept, dtype))

    def inverted(self) -> "Regress":
        """Return z = x - A s(c) - b as a regression."""
        return Regress(-self.coefficients, -self.intercept, fitted=self.fitted)

    def _forward_and_log_det(self, z: Event, condition: Condition) -> tuple[Event, Scalar]:
        if not self.fitted:
            return unmoved(z, self.coefficients)
        return z + self._line(z, condition), jnp.zeros((), z.dtype)

    def _inverse_and_log_det(self, x: Event, condition: Condition) -> tuple[Event, Scalar]:
        if not self.fitted:
            return unmoved(x, self.coefficients)
        return x - self._line(x, condition), jnp.zeros((), x.dtype)

    def _line(self, like: Event, condition: Condition) -> Event:
        inputs = compress_tails(with_condition(like[:0], condition))
        return jnp.matmul(self.coefficients, inputs, precision=precision()) + self.intercept


def _side_by_side(events: Events, condition: Conditions) -> Array:
    """Return the elements of the events followed by the elements of the condition, as the regression sees them."""
    return flat_events(events, None) if condition is None else jnp.concatenate([events, compress_tails(condition)])
