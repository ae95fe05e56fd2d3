"""What fits of images add: noise, changed images, averages, dropped conditions, normalizations set by data."""

import math
import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.bijections import ActNorm
from pushforward.train.explain import explain
from pushforward.train.rows.batch import Batch

from ..cases import randomize

SHAPE = (4, 4, 1)


def images(rng: np.random.Generator, n: int = 96) -> np.ndarray:
    """Return images of four levels of which the lower half is as dark as the upper half."""
    upper = rng.integers(0, 4, (n, 2, 4, 1))
    return np.concatenate([upper, upper], axis=1).astype(np.uint8)


def small(key: jax.Array, **settings: Any) -> pf.Pushforward:
    """Return the flow of images that compiles in the least time."""
    return pf.flows.nice_image(key, SHAPE, levels=4, layers=1, hidden=(8,), **settings)


def test_fit_of_bytes_is_that_of_the_same_numbers_as_floats(key, rng):
    x = images(rng)
    settings = {"noise": "uniform", "max_epochs": 4, "batch_size": 32, "learning_rate": 1e-2, "progress": False}
    one = pf.fit(key, small(key), x, **settings)
    two = pf.fit(key, small(key), x.astype(np.float32), **settings)
    assert one.history == two.history


def test_noise_of_the_base_is_uniform_and_the_bound_that_of_the_pixels(key, rng):
    """Of a uniform density on [0, 4) each pixel has log p = -log 4 whatever the noise, so the loss is exact."""
    x = images(rng)
    flow = pf.distributions.Uniform(jnp.zeros(SHAPE), jnp.full(SHAPE, 4.0))
    objective = pf.train.MaximumLikelihood("uniform")
    batch = Batch(jnp.full(len(x), 1 / len(x)), jnp.asarray(x))
    np.testing.assert_allclose(objective.loss(flow, batch, key), 16 * math.log(4), rtol=1e-6)
    moved = np.asarray(objective.add_noise(flow, jnp.asarray(x, jnp.float32), key)[0])
    assert np.all((moved >= x) & (moved < x + 1))
    np.testing.assert_allclose((moved - x).std(), 1 / math.sqrt(12), rtol=0.05)


def test_normal_noise_has_its_scale(key, rng):
    x = jnp.asarray(images(rng), jnp.float32)
    moved = np.asarray(pf.train.MaximumLikelihood(0.25).add_noise(None, x, key)[0])
    np.testing.assert_allclose((moved - x).std(), 0.25, rtol=0.05)


def test_noise_that_is_learned_is_returned_and_tightens_the_bound(key, rng):
    """Of pixels 1 and 2 with uniform noise this flow, which is smooth, cannot learn the edges at 1 and 3."""
    x = rng.integers(1, 3, (512, *SHAPE)).astype(np.uint8)
    settings = {"max_epochs": 30, "batch_size": 64, "progress": False, "learning_rate": 1e-2}
    uniform = pf.fit(key, small(key), x, noise="uniform", **settings)
    assert uniform.dequantizer is None
    learned = pf.fit(key, small(key), x, noise=pf.adapt.dequantizer(key, SHAPE, levels=4, width=4), **settings)
    assert learned.dequantizer is not None
    bits = [
        pf.evaluate.bits_per_dim(key, r.flow, x, dequantizer=r.dequantizer).bits_per_dim for r in (uniform, learned)
    ]
    assert bits[1] < bits[0] - 0.05
    # No bound is below the entropy of the pixels.
    assert bits[1] > 1.0
    assert min(learned.history["val"]) / (16 * math.log(2)) == pytest.approx(bits[1], abs=0.1)


def test_average_of_one_step_is_nine_tenths_of_it(key, rng):
    """The decay of the first step is 1 / 10, whatever the decay later."""
    x = images(rng)
    flow = pf.train.initialize(small(key), x + rng.random((96, *SHAPE)))
    settings = {"noise": "uniform", "max_epochs": 1, "batch_size": 96, "val_fraction": 0, "progress": False}
    plain = pf.fit(key, flow, x, **settings)
    averaged = pf.fit(key, flow, x, average=0.999, **settings)
    for start, step, mean in zip(*(jax.tree.leaves(f) for f in (flow, plain.flow, averaged.flow)), strict=True):
        if jnp.issubdtype(start.dtype, jnp.floating):
            np.testing.assert_allclose(mean, start + 0.9 * (step - start), rtol=1e-5, atol=1e-7)


def test_a_killed_fit_of_images_resumes_bit_for_bit(key, rng, tmp_path, monkeypatch):
    from pushforward.train.loop import minimize as loop

    x = images(rng)
    noise = pf.adapt.dequantizer(key, SHAPE, levels=4, width=4)
    settings = {
        "noise": noise,
        "average": 0.9,
        "max_epochs": 3,
        "batch_size": 32,
        "progress": False,
        "augment": pf.train.RandomShift(1),
    }
    whole = pf.fit(key, small(key), x, **settings)
    show = loop.show_epoch

    def interrupt(bar: Any, history: Any, *rest: Any) -> None:
        show(bar, history, *rest)
        if len(history["train"]) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "show_epoch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pf.fit(key, small(key), x, checkpoint=tmp_path / "state", **settings)
    resumed = pf.fit(key, small(key), x, checkpoint=tmp_path / "state", **settings)
    for one, other in ((whole.flow, resumed.flow), (whole.dequantizer, resumed.dequantizer)):
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            np.testing.assert_array_equal(a, b)
    changed = {**settings, "average": 0.8}
    with pytest.raises(ValueError, match="average"):
        pf.fit(key, small(key), x, checkpoint=tmp_path / "state", **changed)


def test_flip_mirrors_half_of_the_images(key):
    image = jnp.arange(6.0).reshape((2, 3, 1))
    flipped = jax.vmap(pf.train.RandomFlip(), (0, None))(jax.random.split(key, 400), image)
    mirrored = (np.asarray(flipped) == np.asarray(image[:, ::-1])).all(axis=(1, 2, 3))
    same = (np.asarray(flipped) == np.asarray(image)).all(axis=(1, 2, 3))
    assert np.logical_or(mirrored, same).all()
    assert 150 < mirrored.sum() < 250


def test_shift_moves_all_pixels_alike_and_fills_with_zeros(key):
    image = jnp.arange(1.0, 10.0).reshape((3, 3, 1))
    shifted = np.asarray(jax.vmap(pf.train.RandomShift(1), (0, None))(jax.random.split(key, 200), image))[..., 0]
    seen = {s.tobytes() for s in shifted}
    padded = np.pad(np.asarray(image)[..., 0], 1)
    expected = {np.ascontiguousarray(padded[i : i + 3, j : j + 3]).tobytes() for i in range(3) for j in range(3)}
    assert seen == expected
    with pytest.raises(ValueError, match="`pixels` must be a positive integer"):
        pf.train.RandomShift(0)


def test_images_are_changed_for_training_and_not_for_validation(key, rng):
    x = images(rng)
    seen = []

    def spoil(key: jax.Array, image: jax.Array) -> jax.Array:
        seen.append(image.shape)
        return 0 * image

    settings = {"noise": "uniform", "max_epochs": 1, "batch_size": 96, "progress": False, "learning_rate": 1e-30}
    plain = pf.fit(key, small(key), x, **settings)
    spoiled = pf.fit(key, small(key), x, augment=spoil, **settings)
    assert seen
    assert plain.history["val"] == spoiled.history["val"]
    assert plain.history["train"] != spoiled.history["train"]


def test_a_dropped_condition_is_zeros(key, rng):
    flow = randomize(small(key, cond_dim=3), key, 0.3)
    x = jnp.asarray(images(rng, 200), float)
    labels = 9 * jax.nn.one_hot(jnp.arange(200) % 3, 3, dtype=float)  # far from zeros
    batch = Batch(jnp.full(200, 1 / 200), x, labels)
    with_labels, without = (float(-flow.log_prob(x, c).mean()) for c in (labels, jnp.zeros_like(labels)))
    all_dropped = float(pf.train.MaximumLikelihood(drop_condition=1 - 1e-7).loss(flow, batch, key))
    half = float(pf.train.MaximumLikelihood(drop_condition=0.5).loss(flow, batch, key))
    np.testing.assert_allclose(all_dropped, without, rtol=1e-9)
    np.testing.assert_allclose(half, (with_labels + without) / 2, atol=0.3 * abs(with_labels - without))


def test_normalizations_are_set_by_the_data(key, rng):
    flow = pf.flows.real_nvp_image(key, SHAPE, levels=4, scales=2, pairs=1, width=4, blocks=1)
    x = images(rng, 256) + rng.random((256, *SHAPE))
    fitted = pf.train.initialize(flow, x)

    def norms(flow: Any) -> list[ActNorm]:
        return [n for n in jax.tree.leaves(flow, is_leaf=lambda n: isinstance(n, ActNorm)) if isinstance(n, ActNorm)]

    assert norms(flow)
    assert not any(n.fitted for n in norms(flow))
    assert all(n.fitted for n in norms(fitted))
    assert jax.tree.structure(pf.train.initialize(fitted, 0 * x)) == jax.tree.structure(fitted)
    for before, after in zip(jax.tree.leaves(fitted), jax.tree.leaves(pf.train.initialize(fitted, 0 * x)), strict=True):
        np.testing.assert_array_equal(before, after)
    # Of fresh networks, which move nothing, the last normalization before the base leaves mean 0 and variance 1.
    z = np.asarray(jax.vmap(fitted.bijection.inverse)(jnp.asarray(x, jnp.float32)))
    np.testing.assert_allclose(z.mean(), 0, atol=0.02)
    np.testing.assert_allclose(z.std(), 1, atol=0.05)
    result = pf.fit(key, small(key), images(rng), noise="uniform", max_epochs=1, batch_size=96, progress=False)
    assert norms(result.flow)
    assert all(n.fitted for n in norms(result.flow))


def test_the_bar_shows_bits_per_dimension(key, rng, capsys):
    result = pf.fit(key, small(key), images(rng), noise="uniform", max_epochs=1, batch_size=96, progress=True)
    shown = f"val bits/dim={result.history['val'][-1] / (16 * math.log(2)):.4f}"
    assert shown in capsys.readouterr().err
    best = result.history["val"][0]
    assert repr(result).startswith(f"FitResult(flow=Pushforward, 1 epochs, best: {best:.4f} after epoch 1, 0 steps")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"noise": 0.0}, '`noise` must be "uniform", a positive number, a distribution or None'),
        ({"noise": -0.1}, '`noise` must be "uniform", a positive number, a distribution or None'),
        ({"noise": pf.distributions.StandardNormal((4, 4, 1))}, "`noise` must be a distribution of events of shape"),
        ({"average": 1.0}, "`average` must be a decay from 0 to below 1, or None"),
        ({"drop_condition": 0.1}, "`drop_condition` must be 0 for an unconditional flow"),
        ({"drop_condition": 1.0}, "`drop_condition` must be from 0 to below 1"),
    ],
)
def test_wrong_settings_are_refused_by_name(key, rng, settings, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        pf.fit(key, small(key), images(rng), **settings)


def test_pixels_without_noise_are_refused_with_the_remedy(key, rng):
    x = images(rng)
    x[:, 0, 0] = 0
    with pytest.raises(ValueError, match=r'`0 in all \d+ training rows` in element \(0, 0, 0\).*`noise="uniform"`'):
        pf.fit(key, small(key), x)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x[..., 0], r"`x` must be of shape \(rows, 4, 4, 1\).*Pass `x\[..., None\]`"),
        (lambda x: x.transpose(0, 3, 1, 2), r"Put the channels last: `x.transpose\(0, 2, 3, 1\)`"),
    ],
)
def test_images_of_other_axes_are_refused_with_the_remedy(key, rng, change, words):
    with pytest.raises(ValueError, match=words):
        pf.fit(key, small(key), change(images(rng)), noise="uniform")


def test_labels_that_are_not_one_hot_are_refused_with_the_remedy(key, rng):
    with pytest.raises(ValueError, match=r"`condition` must be .*one-hot: pass `np.eye\(3\)\[condition\]`"):
        pf.fit(key, small(key, cond_dim=3), images(rng), np.arange(96) % 3, noise="uniform")


def test_images_of_fractions_are_refused_with_the_remedy(key, rng):
    with pytest.raises(ValueError, match=r"`x` must be whole numbers.*got `0\.\d+` in row \d+.*np\.round\(255"):
        pf.fit(key, small(key), images(rng) / 3.3, noise="uniform")


def test_pixels_beyond_the_levels_are_refused(key, rng):
    flow = pf.flows.real_nvp_image(key, SHAPE, levels=4, scales=1, pairs=1, width=4, blocks=1)
    x = images(rng)
    x[7, 1, 2] = 9
    with pytest.raises(ValueError, match=r"inside the support of `flow`.*1 of 96 rows.*first row 7"):
        pf.fit(key, flow, x, noise="uniform")


@pytest.mark.parametrize(
    ("flow", "where", "name"),
    [
        (
            lambda key: pf.flows.tarflow(key, SHAPE, levels=4, patch=2, blocks=2, layers=1, width=4, heads=2),
            lambda flow: flow.bijection.bijections[0].bijection.bijection.layer.bijections[1].conditioner.out_bias,
            r"\[0\]\.bijection\.bijection\.layers\(\)\[0\]\.bijections\[1\]` \(Autoregressive\)",
        ),
        (
            lambda key: pf.flows.glow(key, SHAPE, levels=4, scales=2, steps=1, width=4),
            lambda flow: (
                flow.bijection.bijections[0].bijection.bijections[0].bijections[0].bijection.bijections[0].layer
            ),
            r"\[0\]\.bijection\.bijections\[0\]\.layers\(\)\[0\]\.bijections\[2\]` \(ActNorm\)",
        ),
    ],
    ids=["tarflow", "glow"],
)
def test_a_part_inside_a_squeezed_image_is_named(key, rng, flow, where, name):
    made = flow(key)
    spoiled = eqx.tree_at(where, made, jax.tree.map(lambda a: a * jnp.nan if a.dtype == float else a, where(made)))
    x = images(rng, 8) + 0.5
    batch = Batch(np.full(8, 1 / 8), x)
    assert re.search(name, explain(spoiled, batch, np.arange(8)))
