"""Latent-space plots of a flow: interpolation, temperature, and reconstruction."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._arrays import as_float
from .._errors import require, require_count, require_key
from .._types import ArrayLike, Condition, Events, Key
from ..adapt import temper
from ..bijections._base import AbstractBijection, forward_batch, inverse_batch
from ..distributions.pushforward import Pushforward, require_pushforward
from ..parallel.compile import compiled
from ._style import Axes
from .images import painted, tiles, to_rgb

#: Most images that are mapped through a flow, or drawn at each temperature.
MOST = 64


def interpolation(
    flow: Pushforward,
    first: ArrayLike,
    second: ArrayLike,
    *,
    steps: int = 8,
    condition: ArrayLike | None = None,
    levels: int = 256,
    ax: Axes = None,
) -> Axes:
    """Draw images along a path between two images in the base of a flow.

        z(t) = |z|(t) (sin((1 - t) ω) z₁ / |z₁| + sin(t ω) z₂ / |z₂|) / sin ω,   |z|(t) = (1 - t) |z₁| + t |z₂|

    The path is spherical: ω is the angle between z₁ and z₂, and the length |z| changes linearly. Draws of a normal base
    of D dimensions have lengths near √D. Halfway along a straight line the length would be near √(D / 2), where draws
    almost never lie, and images there are washed out.

    Arguments:
        flow: f and its base, in units of pixels.
        first, second: one image each, of shape `flow.shape`; integers are pixels, taken at the middle of their
            interval.
        steps: number of images, including the two ends.
        condition: one condition for the whole path, of shape `flow.cond_shape`.
        levels: number of values of a pixel.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the flow is no `Pushforward`, or a shape does not fit.

    Reference:
        "Sampling Generative Networks", White, 2016 (spherical interpolation).
    """
    require_pushforward(flow)
    require_count("steps", steps, 2)
    ends = [_one_image(name, image, flow.shape) for name, image in (("first", first), ("second", second))]
    condition = _one_condition(flow, condition)
    z = np.asarray(_inverse(flow.bijection, jnp.stack(ends, axis=-1), condition), np.float64)
    t = np.linspace(0.0, 1.0, steps)
    path = _spherical(z[..., 0].ravel(), z[..., 1].ravel(), t).reshape(*flow.shape, steps)
    images = _forward(flow.bijection, jnp.asarray(path, ends[0].dtype), condition)
    colored = to_rgb("flow", np.moveaxis(np.asarray(images), -1, 0), levels)
    return tiles(colored, steps, column_names=[f"{share:.2g}" for share in t], ax=ax)


def temperature_strip(
    key: Key,
    flow: Pushforward,
    temperatures: Sequence[float],
    *,
    rows: int = 4,
    condition: ArrayLike | None = None,
    levels: int = 256,
    ax: Axes = None,
) -> Axes:
    """Draw samples of a flow at several temperatures, one temperature in each column.

    All columns use the same key, so that each row shows one image at all temperatures.

    Arguments:
        key: random key of the draws.
        flow: a flow in units of pixels; see `pushforward.adapt.temper`.
        temperatures: positive; 1 is the flow itself.
        rows: draws at each temperature.
        condition: one condition, of shape `flow.cond_shape`, or one for each row, of shape (rows, *flow.cond_shape).
        levels: number of values of a pixel.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the flow is not a `Pushforward`, or an argument is not as stated.
    """
    require_key(key)
    require_pushforward(flow)
    require_count("rows", rows)
    require(rows <= MOST, "rows", f"at most {MOST}", rows)
    require(len(temperatures) > 0, "temperatures", "one positive number or more", temperatures)
    if condition is not None and flow.cond_shape is not None:
        rule = f"of shape {flow.cond_shape} or {(rows, *flow.cond_shape)}"
        fits = np.shape(condition) in (flow.cond_shape, (rows, *flow.cond_shape))
        require(fits, "condition", rule, f"`shape {np.shape(condition)}`")
        condition = np.broadcast_to(np.asarray(condition), (rows, *flow.cond_shape))
    sizes = (rows,) if condition is None else ()
    columns = [np.asarray(temper(flow, t).sample(key, sizes, condition)) for t in temperatures]
    images = np.stack(columns, axis=1).reshape(-1, *flow.shape)
    names = [f"T = {t:g}" for t in temperatures]
    return tiles(to_rgb("flow", images, levels), len(names), column_names=names, ax=ax)


def reconstruction(
    flow: Pushforward,
    images: ArrayLike,
    *,
    condition: ArrayLike | None = None,
    levels: int = 256,
    ax: Axes = None,
) -> Axes:
    """Draw images, their reconstructions by a flow through the base and back, and the enlarged difference.

        x,   f(f⁻¹(x)),   |f(f⁻¹(x)) - x| / max |f(f⁻¹(x)) - x|

    The title of each column is the largest difference of its image, in pixels, which is white in the last row. See
    `pushforward.evaluate.round_trip` for the part of the difference that is rounding.

    Arguments:
        flow: f and its base, in units of pixels.
        images: shape (images, *flow.shape); integers are pixels, taken at the middle of their interval.
        condition: shape (images, *flow.cond_shape), or None for an unconditional flow.
        levels: number of values of a pixel.
        ax: where to draw; a new figure by default.

    Returns:
        The axes; non-finite values are orange.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the flow is no `Pushforward`, or a shape does not fit.
    """
    require_pushforward(flow)
    shape = np.shape(images)
    fits = shape[1:] == flow.shape and len(shape) == len(flow.shape) + 1 and 0 < shape[0] <= MOST
    rule = f"1 to {MOST} images of shape {flow.shape}"
    require(fits, "images", rule, f"`shape {shape}`")
    there = _centered("images", images)
    given = _of_images(flow, condition, shape[0])
    x = jnp.moveaxis(there, 0, -1)
    back = np.moveaxis(np.asarray(_forward(flow.bijection, _inverse(flow.bijection, x, given), given)), -1, 0)
    difference = np.abs(back.astype(np.float64) - np.asarray(there, np.float64))
    largest = difference.reshape(shape[0], -1).max(axis=1)
    finite = np.where(np.isfinite(difference), difference, 0.0)
    top = finite.reshape(shape[0], -1).max(axis=1).reshape(-1, 1, 1, 1)
    shades = finite / np.where(top > 0, top, 1.0)
    colored = [to_rgb("images", there, levels), to_rgb("flow", back, levels), painted(shades, difference)]
    return tiles(
        np.concatenate(colored),
        shape[0],
        column_names=[f"max {value:.1g}" for value in largest],
        row_names=["image", "there and back", "difference"],
        ax=ax,
    )


@compiled
def _inverse(bijection: AbstractBijection, x: Events, condition: Condition) -> Array:
    return inverse_batch(bijection, x, _spread(bijection, x, condition))[0]


@compiled
def _forward(bijection: AbstractBijection, z: Events, condition: Condition) -> Array:
    return forward_batch(bijection, z, _spread(bijection, z, condition))[0]


def _spread(bijection: AbstractBijection, events: Events, condition: Condition) -> Any:
    """Return a condition for each event, the last axis."""
    if condition is None or condition.ndim > len(bijection.cond_shape or ()):
        return condition
    return jnp.broadcast_to(condition[..., None], (*condition.shape, events.shape[-1]))


def _spherical(first: np.ndarray, second: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return points on the path, shape (elements, points); a straight path if the angle is zero."""
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    if min(lengths) > 0:
        units = first / lengths[0], second / lengths[1]
        angle = np.arccos(np.clip(units[0] @ units[1], -1.0, 1.0))
        if 1e-6 < angle < np.pi - 1e-6:
            shares = np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
            length = (1 - t) * lengths[0] + t * lengths[1]
            return length * (shares[0] * units[0][:, None] + shares[1] * units[1][:, None])
    return (1 - t) * first[:, None] + t * second[:, None]


def _centered(name: str, images: ArrayLike) -> Array:
    images = np.asarray(images)
    return as_float(name, images) + (0.5 if images.dtype.kind in "iub" else 0.0)


def _one_image(name: str, image: ArrayLike, shape: tuple[int, ...]) -> Array:
    require(np.shape(image) == shape, name, f"one image of shape {shape}", f"`shape {np.shape(image)}`")
    return _centered(name, image)


def _one_condition(flow: Pushforward, condition: ArrayLike | None) -> Condition:
    require((condition is None) == (flow.cond_shape is None), "condition", f"of shape {flow.cond_shape}", condition)
    if condition is None:
        return None
    given = as_float("condition", condition)
    require(given.shape == flow.cond_shape, "condition", f"of shape {flow.cond_shape}", f"`shape {given.shape}`")
    return given


def _of_images(flow: Pushforward, condition: ArrayLike | None, count: int) -> Condition:
    """Return the condition of each image, the last axis."""
    if condition is None or flow.cond_shape is None:
        return _one_condition(flow, condition)
    given, shape = as_float("condition", condition), (count, *flow.cond_shape)
    require(given.shape == shape, "condition", f"of shape {shape}", f"`shape {given.shape}`")
    return jnp.moveaxis(given, 0, -1)
