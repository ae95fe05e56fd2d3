"""Pictures of images: which pixels stand where, and that what a flow makes of them is what is drawn."""

from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from pushforward import Pushforward
from pushforward.bijections import AbstractBijection, Standardize
from pushforward.distributions import StandardNormal
from pushforward.plot import image_grid, interpolation, pixel_bits, reconstruction, temperature_strip
from pushforward.plot.images import NOT_FINITE
from pushforward.plot.latent import _spherical

SHAPE = (4, 3, 1)
#: Of 8 + 2 z.
FLOW = Pushforward(StandardNormal(SHAPE), Standardize(np.full(SHAPE, 8.0), np.full(SHAPE, 2.0)))


@final
class Shift(AbstractBijection):
    """x = 2 z + c, with an inverse that is off by `fault`."""

    fault: jax.Array
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, fault: Any = 0.0):
        self.fault, self.shape, self.cond_shape = jnp.asarray(fault), SHAPE, (1,)

    def _forward_and_log_det(self, z: Any, condition: Any):
        return 2 * z + condition, z.size * jnp.log(2.0)

    def _inverse_and_log_det(self, x: Any, condition: Any):
        return (x + self.fault - condition) / 2, -x.size * jnp.log(2.0)


@pytest.fixture(autouse=True)
def untouched():
    before = dict(mpl.rcParams), mpl.get_backend()
    yield
    plt.close("all")
    assert (dict(mpl.rcParams), mpl.get_backend()) == before


def tile(axes, row, column):
    """Return one tile of a picture without titles, whose gaps are one pixel wide."""
    top, left = row * (SHAPE[0] + 1), column * (SHAPE[1] + 1)
    return np.asarray(axes.images[0].get_array())[top : top + SHAPE[0], left : left + SHAPE[1]]


def gray(pixels, levels):
    return np.repeat(np.asarray(pixels) / (levels - 1), 3, axis=-1)


def test_images_stand_row_by_row(rng):
    images = rng.integers(0, 17, (5, *SHAPE)).astype(np.uint8)
    axes = image_grid(images, 2, levels=17)
    for i, image in enumerate(images):
        np.testing.assert_allclose(tile(axes, i // 2, i % 2), gray(image, 17))
    np.testing.assert_array_equal(tile(axes, 2, 1), 1.0)
    assert np.asarray(axes.images[0].get_array()).shape == (3 * 5 - 1, 2 * 4 - 1, 3)
    _, own = plt.subplots()
    assert image_grid(images, levels=17, ax=own) is own
    assert np.asarray(own.images[0].get_array()).shape == (2 * 5 - 1, 3 * 4 - 1, 3)


def test_titles_stand_above_their_images(rng):
    images = rng.integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
    axes = image_grid(images, 2, titles=["a", "b", "c", "d"])
    axes.figure.canvas.draw()
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c", "d"]
    boxes = [text.get_window_extent().transformed(axes.transData.inverted()) for text in axes.texts]
    shown = np.asarray(axes.images[0].get_array())
    for i, box in enumerate(boxes):
        top = 2 + i // 2 * 10
        np.testing.assert_allclose(shown[top : top + 8, i % 2 * 9 : i % 2 * 9 + 8], images[i] / 255)
        assert top - 2.6 < min(box.y0, box.y1) < max(box.y0, box.y1) < top - 0.5


def test_draws_are_made_pixels_and_what_is_no_number_is_seen():
    image = np.array([[-3.0, 0.0, 0.99], [3.0, 3.5, 4.0], [16.5, 17.0, 99.0], [np.nan, np.inf, -np.inf]])[..., None]
    axes = image_grid(image[None], levels=17)
    expected = gray(np.array([[0, 0, 0], [3, 3, 4], [16, 16, 16], [0, 0, 0]])[..., None], 17)
    expected[3] = NOT_FINITE
    np.testing.assert_allclose(tile(axes, 0, 0), expected)


def test_bits_are_drawn_beside_their_image(rng):
    image, bits = rng.integers(0, 17, SHAPE), rng.uniform(size=SHAPE)
    bits[2, 1] = np.inf
    axes = pixel_bits(image, bits, levels=17)
    np.testing.assert_allclose(tile(axes[0], 0, 0), gray(image, 17))
    heat = axes[1].images[0].get_array()
    assert np.argwhere(heat.mask).tolist() == [[2, 1]]
    np.testing.assert_allclose(heat.compressed(), bits[np.isfinite(bits)])
    assert axes[0].figure.axes[2].get_ylabel() == "bits given all other pixels"
    figure = Figure()
    colored = pixel_bits(np.zeros((2, 2, 3), np.uint8), np.arange(12.0).reshape(2, 2, 3), figure=figure)
    np.testing.assert_allclose(colored[1].images[0].get_array(), [[1, 4], [7, 10]])
    assert plt.get_fignums() == [axes[0].figure.number]


def test_the_way_is_along_the_sphere(rng):
    first, second = rng.normal(size=50), 2 * rng.normal(size=50)
    t = np.linspace(0, 1, 5)
    path = _spherical(first, second, t)
    lengths = np.linalg.norm(path, axis=0)
    np.testing.assert_allclose(path[:, [0, -1]], np.stack([first, second], axis=1))
    np.testing.assert_allclose(lengths, lengths[0] + t * (lengths[-1] - lengths[0]))
    units = path / lengths
    angles = np.arccos((units[:, 1:] * units[:, :-1]).sum(axis=0))
    np.testing.assert_allclose(angles, angles[0])
    for other in (first, np.zeros(50), -first):
        np.testing.assert_allclose(_spherical(first, other, t)[:, 2], (first + other) / 2, atol=1e-12)


def test_interpolation_begins_and_ends_at_its_images(rng):
    first, second = rng.integers(0, 17, (2, *SHAPE)).astype(np.uint8)
    axes = interpolation(FLOW, first, second, steps=5, levels=17)
    np.testing.assert_allclose(tile(axes, 0, 0), gray(first, 17))
    np.testing.assert_allclose(tile(axes, 0, 4), gray(second, 17))
    z = (np.stack([first, second]) + 0.5 - 8) / 2
    middle = _spherical(z[0].ravel(), z[1].ravel(), np.array([0.5])).reshape(SHAPE)
    np.testing.assert_allclose(tile(axes, 0, 2), gray(np.clip(np.floor(8 + 2 * middle), 0, 16), 17))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "0.25", "0.5", "0.75", "1"]
    conditional = Pushforward(StandardNormal(SHAPE), Shift())
    axes = interpolation(conditional, first, second, steps=2, condition=[8.0], levels=17)
    np.testing.assert_allclose(tile(axes, 0, 1), gray(second, 17))


def test_a_row_is_one_draw_as_it_cools(key):
    axes = temperature_strip(key, FLOW, [1.0, 0.5, 1e-6], rows=2, levels=17)
    x = np.asarray(FLOW.sample(key, (2,)))
    for row in range(2):
        for column, t in enumerate((1.0, 0.5, 1e-6)):
            cooled = np.clip(np.floor(8 + t * (x[row] - 8)), 0, 16)
            # Draws at a temperature of nearly zero fall on either side of 8.
            np.testing.assert_allclose(tile(axes, row, column), gray(cooled, 17), atol=1e-6 + (t < 0.1) / 16)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["T = 1", "T = 0.5", "T = 1e-06"]
    conditional = Pushforward(StandardNormal(SHAPE), Shift())
    for condition in ([[3.5], [12.5]], [3.5]):
        axes = temperature_strip(key, conditional, [1e-6], rows=2, condition=condition, levels=17)
        wanted = np.broadcast_to(np.asarray(condition), (2, 1)) - 0.5
        for row in range(2):
            np.testing.assert_allclose(tile(axes, row, 0), gray(np.full(SHAPE, wanted[row]), 17))


def test_the_difference_is_enlarged_and_its_maximum_is_said(rng):
    images = rng.integers(0, 17, (2, *SHAPE)).astype(np.uint8)
    sound = reconstruction(FLOW, images, levels=17)
    for column, image in enumerate(images):
        np.testing.assert_allclose(tile(sound, 0, column), gray(image, 17))
        np.testing.assert_allclose(tile(sound, 1, column), gray(image, 17))
    faults = np.arange(12.0).reshape(SHAPE) / 4
    faults[0, 0] = np.nan
    off = reconstruction(Pushforward(StandardNormal(SHAPE), Shift(faults)), images, condition=[[8.0], [3.0]], levels=17)
    expected = gray(np.arange(12.0).reshape(SHAPE), 12)
    expected[0, 0] = NOT_FINITE
    np.testing.assert_allclose(tile(off, 2, 1), expected)
    np.testing.assert_allclose(tile(off, 1, 1)[0, 0], NOT_FINITE)
    assert [text.get_text() for text in off.get_xticklabels()] == ["max nan", "max nan"]
    off = reconstruction(Pushforward(StandardNormal(SHAPE), Shift(0.25)), images, condition=[[8.0], [3.0]], levels=17)
    assert [text.get_text() for text in off.get_xticklabels()] == ["max 0.2", "max 0.2"]
    assert [text.get_text() for text in off.get_yticklabels()] == ["image", "there and back", "difference"]


def test_refusals(key, rng):
    images = rng.integers(0, 17, (2, *SHAPE))
    for wrong, match in (
        (
            images[..., 0],
            r"`images` must be numbers of shape .*, of 1 or 3 channels; got .* Pass `images\[\.\.\., None\]`",
        ),
        (np.zeros((2, 4, 4, 2)), "`images` must be numbers of shape .*, of 1 or 3 channels"),
        (images[:0], "`images` must be numbers of shape"),
        (images.astype(str), "`images` must be numbers of shape"),
    ):
        with pytest.raises(ValueError, match=match):
            image_grid(wrong)
    with pytest.raises(ValueError, match="`titles` must be one for each of the 2 images"):
        image_grid(images, titles=["a"])
    with pytest.raises(ValueError, match="`columns` must be a positive integer"):
        image_grid(images, 0)
    with pytest.raises(ValueError, match=r"`bits` must be of the image's shape \(4, 3, 1\)"):
        pixel_bits(images[0], np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"`second` must be one image of shape \(4, 3, 1\)"):
        interpolation(FLOW, images[0], images)
    with pytest.raises(ValueError, match="`condition` must be of shape None"):
        interpolation(FLOW, images[0], images[1], condition=[1.0])
    conditional = Pushforward(StandardNormal(SHAPE), Shift())
    with pytest.raises(ValueError, match=r"`condition` must be of shape \(1,\); got None"):
        interpolation(conditional, images[0], images[1])
    with pytest.raises(ValueError, match=r"`condition` must be of shape \(2, 1\); got `shape \(1,\)`"):
        reconstruction(conditional, images, condition=[1.0])
    with pytest.raises(ValueError, match=r"`condition` must be of shape \(1,\) or \(4, 1\); got `shape \(2, 1\)`"):
        temperature_strip(key, conditional, [1.0], condition=[[1.0], [2.0]])
    with pytest.raises(ValueError, match="`temperatures` must be one positive number or more"):
        temperature_strip(key, FLOW, [])
    with pytest.raises(ValueError, match=r"`images` must be 1 to 64 images of shape \(4, 3, 1\)"):
        reconstruction(FLOW, images[0])
