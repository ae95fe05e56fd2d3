"""Bits per dimension of images: code length per channel of a pixel under the density."""

import math
from dataclasses import dataclass, field
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._arrays import as_float
from .._errors import bad, require, require_count, require_key
from .._types import ArrayLike, ConditionTree, Key
from ..distributions._base import AbstractDistribution
from ._pairs import checked_pairs
from .likelihood import mean_and_standard_error

#: Most rows that a message names one by one.
MOST_NAMED = 10


@final
@dataclass(frozen=True, eq=False)
class BitsPerDim:
    """Bits per dimension of images under a density: an upper bound, tighter with more draws of the noise.

    Attributes:
        bits_per_dim: mean over the images; not finite if one image has non-finite bits.
        standard_error: standard error of `bits_per_dim`, from the scatter between images; NaN for one image.
        per_image: shape (images,), bits per dimension of each image.
        samples: number of draws of the noise for each image.
    """

    bits_per_dim: float
    standard_error: float
    per_image: Float[np.ndarray, " images"] = field(repr=False)
    samples: int

    @property
    def non_finite(self) -> Int[np.ndarray, " rows"]:
        """Indices of the rows with non-finite bits; +inf means that the density of an image is zero."""
        return np.flatnonzero(~np.isfinite(self.per_image))

    def __str__(self) -> str:
        draws = "1 draw" if self.samples == 1 else f"{self.samples:,} draws"
        bound = f"an upper bound from {draws} of the noise for each"
        rows = self.non_finite
        if rows.size == 0:
            value = f"{self.bits_per_dim:.4f} ± {self.standard_error:.4f}"
            return f"{value} bits per dimension over {self.per_image.size:,} images, {bound}."
        named = ", ".join(map(str, rows[:MOST_NAMED])) + (", ..." if rows.size > MOST_NAMED else "")
        others = np.delete(self.per_image, rows)
        rest = f"; the others have {others.mean():.4f} on average" if others.size else ""
        return (
            f"{self.bits_per_dim} bits per dimension, as those of {rows.size:,} of {self.per_image.size:,} images are "
            f"not finite (rows {named}){rest}, {bound}."
        )


def bits_per_dim(
    key: Key,
    flow: AbstractDistribution,
    x: ArrayLike,
    condition: ArrayLike | None = None,
    *,
    dequantizer: AbstractDistribution | None = None,
    samples: int = 1,
    batch: int = 1024,
) -> BitsPerDim:
    """Bound the bits per dimension of integer pixels x under a density of x + u, with noise u in [0, 1).

        P(x) = ∫ p(x + u) du over [0, 1)^D,   bits per dimension = -log₂ P(x) / D
        samples = 1:   log P(x) ≥ E log p(x + u) / q(u | x),                        u ~ q(· | x)
        samples = K:   log P(x) ≥ E log (1/K) Σ_k p(x + u_k) / q(u_k | x),          u_k ~ q(· | x)

    A fit with such noise maximizes the first bound; its gap is the divergence of q from p(u | x). The second bound is
    tighter for larger K and exact in the limit, but needs more draws in more dimensions. Compare only bounds of the
    same kind: figures in the literature are mostly of the first kind, with uniform u, q = 1. The same key and batch
    give the same uniform noise to every flow, so that differences of flows scatter less than `standard_error`.

    Images are processed in pieces: memory does not grow with the number of images or draws.

    Arguments:
        key: random key of the noise.
        flow: a density in units of pixels, of events of shape (height, width, channels) or any other.
        x: pixels, integers from 0, shape (images, *flow.shape).
        condition: shape (images, *flow.cond_shape), or None for an unconditional flow.
        dequantizer: q, a density on (0, 1), conditioned on the image, which it receives as floats: its shape and
            cond_shape are the flow's shape. Uniform noise by default.
        samples: K, draws of the noise for each image.
        batch: number of noisy images evaluated together.

    Raises:
        ValueError: if `x` is not of integers from 0, a shape does not fit, or noise of `dequantizer` leaves [0, 1].

    Reference:
        "A note on the evaluation of generative models", Theis, van den Oord, Bethge, 2016 (uniform noise); "Flow++:
        Improving Flow-Based Generative Models with Variational Dequantization and Architecture Design", Ho, Chen,
        Srinivas, Duan, Abbeel, 2019 (q); "Importance Weighted Autoencoders", Burda, Grosse, Salakhutdinov, 2016;
        "Learning Discrete Distributions by Dequantization", Hoogeboom, Cohen, Tomczak, 2020 (both together).
    """
    require_key(key)
    require_count("samples", samples)
    require_count("batch", batch)
    x, condition = checked_pairs(("flow", "x", "condition"), flow, x, condition)
    require_pixels("x", x)
    if dequantizer is not None:
        shapes = (dequantizer.shape, dequantizer.cond_shape)
        rule = f"a density of shape {flow.shape} conditioned on shape {flow.shape}"
        require(shapes == (flow.shape, flow.shape), "dequantizer", rule, f"`shape {shapes[0]} and {shapes[1]}`")
    rows = len(x) * samples
    size = min(batch, rows)
    total = np.full(len(x), -np.inf)
    for i, start in enumerate(range(0, rows, size)):
        # The last piece is padded: pieces of equal size compile once.
        of_image = np.minimum(np.arange(start, start + size), rows - 1) // samples
        given = jax.tree.map(lambda a, of_image=of_image: as_float("condition", a[of_image]), condition)
        weights = _log_weights(jax.random.fold_in(key, i), flow, as_float("x", x[of_image]), given, dequantizer)
        kept = min(size, rows - start)
        with np.errstate(invalid="ignore"):
            np.logaddexp.at(total, of_image[:kept], np.asarray(weights[:kept], np.float64))
    bits = (math.log(samples) - total) / (math.log(2) * math.prod(flow.shape))
    with np.errstate(invalid="ignore"):
        mean, error = mean_and_standard_error(bits)
    return BitsPerDim(mean, error, bits, int(samples))


def require_pixels(name: str, x: np.ndarray) -> None:
    """Raise a ValueError unless finite numbers are integers from 0, of any dtype."""
    if x.dtype.kind == "f":
        broken = int((x != np.floor(x)).sum())
        shown = f"`{broken:,} of {x.size:,} numbers that are not`"
        require(broken == 0, name, "of integer pixels", shown, "Pass them without noise, not scaled to [0, 1].")
    if x.min() < 0:
        raise bad(name, "of pixels from 0", f"`a pixel of {x.min()}`")


def dequantized(x: Float[Array, "..."], u: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return x + u for integers x and u in [0, 1], always below x + 1 despite rounding."""
    return jnp.minimum(x + u, jnp.nextafter(x + 1, x))


def _log_weights(
    key: Key,
    flow: AbstractDistribution,
    x: Float[Array, "rows ..."],
    condition: ConditionTree,
    dequantizer: AbstractDistribution | None,
) -> Float[Array, " rows"]:
    """Return log p(x + u) - log q(u | x) for one draw of u per row."""
    if dequantizer is None:
        return flow.log_prob(dequantized(x, jax.random.uniform(key, x.shape, x.dtype)), condition)
    u, log_q = dequantizer.sample_and_log_prob(key, (), x)
    inside = bool(((u >= 0) & (u <= 1)).all())
    require(inside, "dequantizer", "a density on (0, 1)", f"`draws from {u.min():.3g} to {u.max():.3g}`")
    return flow.log_prob(dequantized(x, u), condition) - log_q
