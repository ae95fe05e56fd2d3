"""Numerical accuracy of the inverse and the log-determinants of a flow."""

import math
from dataclasses import dataclass
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._errors import require_count, require_key
from .._types import ArrayLike, Key
from ..bijections._base import AbstractBijection, condition_for, forward_batch, inverse_batch
from ..distributions.pushforward import Pushforward, require_pushforward
from ..parallel.compile import compiled
from ._pairs import checked_pairs
from .jacobian import jacobian_log_det

#: Number of points at which the full Jacobian is computed, and most elements for which it is.
JACOBIAN_POINTS, JACOBIAN_DIM = 8, 64


@final
@dataclass(frozen=True)
class RoundTrip:
    """Errors of a round trip through a flow, from data to base and back and from base to data and back.

    Attributes:
        points: number of points of the data, and of the base.
        dtype: dtype of the flow.
        data_error: largest |f(f⁻¹(x)) - x|, in units of the standard deviation of the column or of the distance from
            its mean, whichever is larger.
        data_error_median: median over points of the largest error of a point.
        base_error: largest |f⁻¹(f(z)) - z|, in the same units of z. It cannot be small where f⁻¹ is steep, since the
            rounding of f(z) alone changes its inverse.
        base_error_median: median over points of the largest error of a point.
        log_det_error: largest |log|det df/dz| + log|det df⁻¹/dx|| / (1 + |log|det df/dz||), at x and f⁻¹(x).
        jacobian_error: largest such difference between log|det df/dz| and the log-determinant of the full Jacobian,
            over a few points; None for more than 64 elements.
        non_finite: number of points, in both directions, with a non-finite number.
    """

    points: int
    dtype: str
    data_error: float
    data_error_median: float
    base_error: float
    base_error_median: float
    log_det_error: float
    jacobian_error: float | None
    non_finite: int

    @property
    def faults(self) -> tuple[str, ...]:
        """Texts on errors that lose more than half the digits of the dtype; empty for a sound flow."""
        bound = math.sqrt(float(jnp.finfo(self.dtype).eps))
        faults = []
        if self.non_finite:
            faults.append(f"{self.non_finite:,} of {2 * self.points:,} points give numbers that are not finite")
        for what, value in (
            ("f(f⁻¹(x)) is off by up to", self.data_error),
            ("f⁻¹(f(z)) is off, in the median, by", self.base_error_median),
            ("the log-determinants of the two directions differ by up to", self.log_det_error),
            ("the log-determinant differs from that of the Jacobian by up to", self.jacobian_error),
        ):
            if value is not None and not value <= bound:
                faults.append(f"{what} {value:.1g}, more than {bound:.1g}")
        return tuple(faults)

    def __str__(self) -> str:
        over = f"over {self.points:,} points each way in {self.dtype}"
        if self.faults:
            return f"The flow does not invert soundly {over}: {'; '.join(self.faults)}."
        jacobian = "" if self.jacobian_error is None else f" and from that of the Jacobian by {self.jacobian_error:.1g}"
        return (
            f"The flow inverts soundly {over}: f(f⁻¹(x)) is off by up to {self.data_error:.1g} and f⁻¹(f(z)) by up to "
            f"{self.base_error:.1g} standard deviations; the log-determinants of the two directions differ by up to "
            f"{self.log_det_error:.1g}{jacobian}."
        )


def round_trip(
    key: Key,
    flow: Pushforward,
    x: ArrayLike | None = None,
    condition: ArrayLike | None = None,
    *,
    num_points: int = 1000,
) -> RoundTrip:
    """Map points through a flow and back, in both directions, and check the log-determinants, also by the Jacobian.

    Arguments:
        key: random key for the points of the base and, without `x`, of the data.
        flow: a base and a bijection f.
        x: points of the data, shape (points, *flow.shape); draws of the flow by default.
        condition: shape (points, *flow.cond_shape), or None for an unconditional flow.
        num_points: number of points, for an unconditional flow without `x`.

    Raises:
        ValueError: if the flow is no `Pushforward`, a shape does not fit, or `x` or `condition` is not finite.
    """
    require_key(key)
    require_pushforward(flow)
    require_count("num_points", num_points)
    base_key, data_key = jax.random.split(key)
    dtypes = [leaf.dtype for leaf in jax.tree.leaves(flow.bijection) if eqx.is_inexact_array(leaf)]
    dtype = jnp.result_type(*(dtypes or [float]))
    names = ("flow", "x", "condition")
    if x is not None:
        x, condition = checked_pairs(names, flow, x, condition)
        num_points = len(x)
    elif flow.cond_shape is not None:
        num_points = num_points if condition is None else len(np.atleast_1d(condition))
        condition = checked_pairs(names, flow, np.zeros((num_points, *flow.shape)), condition)[1]
    draw = () if condition is not None else (num_points,)
    x = flow.sample(data_key, draw, condition) if x is None else x
    of_base = None if flow.base.cond_shape is None else condition
    z = flow.base.sample(base_key, (num_points,) if of_base is None else (), of_base)
    x, z = jnp.moveaxis(jnp.asarray(x, dtype), 0, -1), jnp.moveaxis(jnp.asarray(z, dtype), 0, -1)
    condition = None if condition is None else jnp.moveaxis(jnp.asarray(condition, dtype), 0, -1)
    trips, log_dets, jacobian = _trips(flow.bijection, x, z, condition)
    data_error, base_error = _errors(_points(x), _points(trips[0])), _errors(_points(z), _points(trips[1]))
    forward, inverse, at_z = (np.asarray(a, np.float64) for a in log_dets)
    log_det_error = np.abs(forward + inverse) / (1 + np.abs(forward))
    non_finite = int((~np.isfinite(data_error + log_det_error)).sum() + (~np.isfinite(base_error + at_z)).sum())
    jacobian_error = None
    if jacobian is not None:
        few = at_z[: len(jacobian)]
        jacobian_error = _largest(np.abs(np.asarray(jacobian, np.float64) - few) / (1 + np.abs(few)))
    return RoundTrip(
        num_points,
        str(dtype),
        _largest(data_error),
        _median(data_error),
        _largest(base_error),
        _median(base_error),
        _largest(log_det_error),
        jacobian_error,
        non_finite,
    )


@compiled
def _trips(
    bijection: AbstractBijection, x: Array, z: Array, condition: Array | None
) -> tuple[tuple[Array, Array], tuple[Array, Array, Array], Array | None]:
    """Return f(f⁻¹(x)) and f⁻¹(f(z)); log-determinants of f at f⁻¹(x), f⁻¹ at x, f at z; of full Jacobians at z."""
    there, inverse = inverse_batch(bijection, x, condition)
    back, forward = forward_batch(bijection, there, condition)
    of_z, at_z = forward_batch(bijection, z, condition)
    again, _ = inverse_batch(bijection, of_z, condition)
    jacobian = None
    if math.prod(bijection.shape) <= JACOBIAN_DIM:
        given = condition_for(bijection, None if condition is None else condition[..., :JACOBIAN_POINTS])
        at = jax.vmap(lambda z, c: jacobian_log_det(bijection, z, c), in_axes=-1)
        jacobian = at(z[..., :JACOBIAN_POINTS], given)
    return (back, again), (forward, inverse, at_z), jacobian


def _points(events: Array) -> Float[np.ndarray, "points size"]:
    return np.asarray(events, np.float64).reshape(-1, events.shape[-1]).T


def _errors(
    points: Float[np.ndarray, "points size"], again: Float[np.ndarray, "points size"]
) -> Float[np.ndarray, " points"]:
    """Return the largest error of each point, NaN where a number is not finite."""
    finite = points[np.isfinite(points).all(axis=1)]
    center, scale = (finite.mean(axis=0), finite.std(axis=0)) if len(finite) else (0.0, 1.0)
    with np.errstate(invalid="ignore"):
        unit = np.maximum(scale, np.abs(points - center))
        return (np.abs(again - points) / np.where(unit > 0, unit, 1.0)).max(axis=1)


def _largest(errors: Float[np.ndarray, " points"]) -> float:
    return float(np.max(errors, where=np.isfinite(errors), initial=0.0))


def _median(errors: Float[np.ndarray, " points"]) -> float:
    finite = errors[np.isfinite(errors)]
    return float(np.median(finite)) if finite.size else math.nan
