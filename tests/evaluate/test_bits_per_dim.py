"""Bits of images against closed forms: bounds, single pixels, and the mean before the noise."""

import math
import sys
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from pushforward.adapt import denoise
from pushforward.distributions import Normal, Uniform
from pushforward.distributions._base import AbstractDistribution
from pushforward.evaluate import bits_per_dim, pixel_bits
from pushforward.evaluate.bits_per_dim import dequantized
from pushforward.supports import Interval, Real

SHAPE = (2, 3, 1)
LEVELS = 5


@final
class NoiseOfNormal(AbstractDistribution):
    """The noise u given x if x + u is N(loc, scale²): its exact posterior."""

    loc: jax.Array
    scale: jax.Array
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, loc: Any, scale: Any):
        self.loc, self.scale = jnp.asarray(loc), jnp.asarray(scale)
        self.shape = self.cond_shape = SHAPE

    @property
    def support(self) -> Interval:
        return Interval(0.0, 1.0, self.shape)

    def _ends(self, x):
        cdf = jax.scipy.stats.norm.cdf
        return cdf((x - self.loc) / self.scale), cdf((x + 1 - self.loc) / self.scale)

    def _log_prob(self, x: Any, condition: Any):
        low, high = self._ends(condition)
        return (jax.scipy.stats.norm.logpdf(condition + x, self.loc, self.scale) - jnp.log(high - low)).sum()

    def _sample_and_log_prob(self, key: Any, condition: Any):
        low, high = self._ends(condition)
        level = low + (high - low) * jax.random.uniform(key, self.shape)
        u = self.loc + self.scale * jax.scipy.special.ndtri(level) - condition
        return u, self._log_prob(u, condition)


@final
class Given(AbstractDistribution):
    """N(condition, 1) in each element."""

    shape: tuple[int, ...] = eqx.field(static=True, default=SHAPE)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True, default=(1,))

    @property
    def support(self) -> Real:
        return Real(self.shape)

    def _log_prob(self, x: Any, condition: Any):
        return jax.scipy.stats.norm.logpdf(x, condition).sum()

    def _sample_and_log_prob(self, key: Any, condition: Any):
        x = condition + jax.random.normal(key, self.shape)
        return x, self._log_prob(x, condition)


def pixels(rng, n):
    return rng.integers(0, LEVELS, (n, *SHAPE)).astype(np.uint8)


def normal(rng):
    loc, scale = rng.uniform(1, 4, SHAPE), rng.uniform(0.4, 2, SHAPE)
    return loc, scale, Normal(loc, scale)


def exact_nats(x, loc, scale):
    mass = stats.norm.cdf(x + 1.0, loc, scale) - stats.norm.cdf(x, loc, scale)
    return -np.log(mass).reshape(len(x), -1).sum(axis=1)


def test_a_uniform_density_takes_the_bits_of_the_levels(key, rng):
    flow = Uniform(np.zeros(SHAPE), np.full(SHAPE, 17.0))
    x = rng.integers(0, 17, (7, *SHAPE))
    for samples in (1, 3):
        result = bits_per_dim(key, flow, x, samples=samples, batch=4)
        np.testing.assert_allclose(result.per_image, math.log2(17), rtol=1e-12)
        np.testing.assert_allclose(result.bits_per_dim, math.log2(17), rtol=1e-12)
        assert result.standard_error < 1e-12
        assert (result.samples, result.non_finite.size) == (samples, 0)
    assert "4.0875 ± 0.0000 bits per dimension over 7 images, an upper bound from 3 draws" in str(result)


def test_the_bound_of_one_draw_is_the_mean_log_density_over_the_pixel(key):
    x = np.full((4000, 1, 1, 1), 3)
    result = bits_per_dim(key, Normal([[[2.2]]], [[[0.7]]]), x)
    mean = integrate.quad(lambda y: stats.norm.logpdf(y, 2.2, 0.7), 3, 4)[0] / -math.log(2)
    assert 0 < result.standard_error < 0.03
    assert abs(result.bits_per_dim - mean) < 4 * result.standard_error
    # The bound is loose by far more than that.
    assert mean - exact_nats(x[:1], 2.2, 0.7) / math.log(2) > 5 * result.standard_error


def test_more_draws_tighten_the_bound_up_to_the_exact_bits(key, rng):
    loc, scale, flow = normal(rng)
    x = pixels(rng, 20)
    exact = exact_nats(x, loc, scale).mean() / (math.log(2) * 6)
    bounds = [bits_per_dim(key, flow, x, samples=k).bits_per_dim for k in (1, 20, 3000)]
    assert bounds[0] > bounds[1] + 0.05 > exact
    np.testing.assert_allclose(bounds[2], exact, atol=0.01)


def test_with_the_posterior_of_the_noise_one_draw_is_exact(key, rng):
    loc, scale, flow = normal(rng)
    x = pixels(rng, 9)
    result = bits_per_dim(key, flow, x, dequantizer=NoiseOfNormal(loc, scale), batch=4)
    np.testing.assert_allclose(result.per_image, exact_nats(x, loc, scale) / (math.log(2) * 6), rtol=1e-6)


def test_each_image_has_its_own_condition(key, rng):
    x, condition = pixels(rng, 5), np.array([[0.0], [1.0], [2.0], [30.0], [4.0]])
    result = bits_per_dim(key, Given(), x, condition, samples=4000, batch=1000)
    exact = [exact_nats(x[i : i + 1], c, 1.0)[0] / (math.log(2) * 6) for i, c in enumerate(condition)]
    near = np.arange(5) != 3
    np.testing.assert_allclose(result.per_image[near], np.array(exact)[near], atol=0.05)
    assert result.per_image[3] > 300


def test_pieces_are_of_bounded_size(key, rng, monkeypatch):
    _, _, flow = normal(rng)
    sizes = []
    log_prob = AbstractDistribution.log_prob
    monkeypatch.setattr(Normal, "log_prob", lambda *args: sizes.append(len(args[1])) or log_prob(*args))
    bits_per_dim(key, flow, pixels(rng, 5), samples=3, batch=4)
    assert sizes == [4] * 4


def test_images_of_no_density_are_named(key, rng):
    flow = Uniform(np.zeros(SHAPE), np.full(SHAPE, 4.0))
    x = np.minimum(pixels(rng, 6), 3)
    x[4] = 4
    result = bits_per_dim(key, flow, x, samples=2)
    assert (result.bits_per_dim, list(result.non_finite)) == (math.inf, [4])
    assert "those of 1 of 6 images are not finite (rows 4); the others have 2.0000 on average" in str(result)
    broken = eqx.tree_at(lambda flow: flow.loc, Normal(np.zeros(SHAPE), np.ones(SHAPE)), jnp.full(SHAPE, jnp.nan))
    assert list(bits_per_dim(key, broken, x).non_finite) == list(range(6))


def test_rounding_does_not_carry_a_pixel_to_the_next():
    noisy = dequantized(jnp.float32([0, 1, 255]), jnp.float32(1 - 2**-24))
    assert list(np.floor(noisy)) == [0, 1, 255]
    assert list(np.floor(dequantized(jnp.float32([0, 255]), jnp.float32(1.0)))) == [0, 255]


def test_refusals(key, rng):
    _, _, flow = normal(rng)
    x = pixels(rng, 4)
    for wrong, match in (
        (x + 0.5, r"`x` must be of integer pixels; got `24 of 24 numbers that are not`\. Pass them without noise"),
        (x.astype(int) - 10, "`x` must be of pixels from 0; got `a pixel of -"),
        (x[:0], "`rows of x` must be a positive integer; got 0"),
        (x[0], r"`x` must be of shape \(rows, 2, 3, 1\); got `shape \(2, 3, 1\)`"),
        (np.where(x == x[0, 0, 0, 0], np.nan, x), "`x` must be finite"),
    ):
        with pytest.raises(ValueError, match=match):
            bits_per_dim(key, flow, wrong)
    with pytest.raises(ValueError, match="`samples` must be a positive integer"):
        bits_per_dim(key, flow, x, samples=0)
    with pytest.raises(ValueError, match="`condition` must be None where `flow` is unconditional"):
        bits_per_dim(key, flow, x, np.zeros((4, 1)))
    with pytest.raises(ValueError, match=r"`dequantizer` must be a density of shape \(2, 3, 1\) conditioned on shape"):
        bits_per_dim(key, flow, x, dequantizer=flow)
    broken = NoiseOfNormal(np.full(SHAPE, np.nan), np.ones(SHAPE))
    with pytest.raises(ValueError, match=r"`dequantizer` must be a density on \(0, 1\); got `draws from nan to nan`"):
        bits_per_dim(key, flow, x, dequantizer=broken)


def test_pixels_of_an_independent_density_have_their_own_bits(key, rng):
    low = rng.uniform(size=SHAPE)
    loc, scale = 1.0 + 2 * low, 0.5 + low
    image = pixels(rng, 1)[0]
    bits = pixel_bits(key, Normal(loc, scale), image, levels=LEVELS)
    # Given the noise u, the pixel takes each value v with a probability proportional to p(v + u).
    u = np.asarray(jax.random.uniform(key, SHAPE))
    densities = stats.norm.pdf(np.arange(LEVELS) + u[..., None], loc[..., None], scale[..., None])
    own = stats.norm.pdf(image + u, loc, scale)
    np.testing.assert_allclose(bits, -np.log2(own / densities.sum(axis=-1)), rtol=1e-6)


def test_a_pixel_that_the_others_give_away_costs_nothing(key):
    # Both pixels lie near each other, anywhere: p(x₀, x₁) ∝ exp(-(x₀ - x₁)² / 2 / 0.3²).
    @final
    class Twins(AbstractDistribution):
        shape: tuple[int, ...] = eqx.field(static=True, default=(1, 2, 1))
        cond_shape: tuple[int, ...] | None = eqx.field(static=True, default=None)

        @property
        def support(self) -> Real:
            return Real(self.shape)

        def _log_prob(self, x: Any, condition: Any):
            return -0.5 * ((x[0, 0, 0] - x[0, 1, 0]) / 0.3) ** 2

        def _sample_and_log_prob(self, key: Any, condition: Any):
            raise NotImplementedError

    bits = pixel_bits(key, Twins(), np.array([[[3], [3]]]), levels=8)
    assert bits.max() < 1.0
    assert pixel_bits(key, Twins(), np.array([[[3], [6]]]), levels=8).min() > 20


def test_few_points_serve_where_the_density_is_smooth(key, rng):
    flat = Uniform(np.zeros(SHAPE), np.full(SHAPE, 256.0))
    image = rng.integers(0, 256, SHAPE)
    for grid in (2, 7, 100):
        np.testing.assert_allclose(pixel_bits(key, flat, image, grid=grid), 8.0, rtol=1e-12)
    broad = Normal(np.full(SHAPE, 100.0), np.full(SHAPE, 40.0))
    np.testing.assert_allclose(pixel_bits(key, broad, image, grid=32), pixel_bits(key, broad, image), atol=0.01)


def test_pixels_are_refused(key, rng):
    _, _, flow = normal(rng)
    image = pixels(rng, 1)[0]
    with pytest.raises(ValueError, match=r"`image` must be one image of shape \(2, 3, 1\); got `shape \(1, 2, 3, 1\)`"):
        pixel_bits(key, flow, image[None], levels=LEVELS)
    with pytest.raises(ValueError, match="`image` must be of pixels below `levels`, 2; got `a pixel of"):
        pixel_bits(key, flow, image + 2, levels=2)
    with pytest.raises(ValueError, match="`image` must be of integer pixels"):
        pixel_bits(key, flow, image + 0.5)
    with pytest.raises(ValueError, match="`grid` must be at most `levels`, 256; got 300"):
        pixel_bits(key, flow, image, grid=300)
    with pytest.raises(ValueError, match="`condition` must be None"):
        pixel_bits(key, flow, image, np.zeros(1), levels=LEVELS)


def test_noise_is_removed_as_far_as_the_density_tells(rng, monkeypatch):
    # x₀ ~ N(loc, s²) and x ~ N(x₀, σ²): the mean of x₀ given x lies between loc and x.
    loc, s, sigma = rng.normal(size=SHAPE), rng.uniform(0.5, 2, SHAPE), 0.7
    x = rng.normal(size=(10, *SHAPE))
    mean = loc + s**2 / (s**2 + sigma**2) * (x - loc)
    flow = Normal(loc, np.sqrt(s**2 + sigma**2))
    np.testing.assert_allclose(denoise(flow, x, sigma), mean, rtol=1e-6)
    monkeypatch.setattr(sys.modules["pushforward.adapt.denoise"], "TOGETHER", 24)
    np.testing.assert_allclose(denoise(flow, x, sigma), mean, rtol=1e-6)
    condition = rng.normal(size=(10, 1))
    given = condition[:, :, None, None] + 0.0
    np.testing.assert_allclose(denoise(Given(), x, 0.5, condition), x + 0.25 * (given - x), rtol=1e-6)
    with pytest.raises(ValueError, match="`noise_scale` must be positive and finite; got 0"):
        denoise(flow, x, 0.0)
    with pytest.raises(ValueError, match="`x` must be finite"):
        denoise(flow, np.full_like(x, np.nan), 0.5)
