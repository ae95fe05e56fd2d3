"""Precision, recall and the comparison of images: of the data themselves, of copies, of what is elsewhere."""

import importlib
import sys

import numpy as np
import pytest

from pushforward.evaluate import compare_images, sliced_wasserstein
from pushforward.evaluate.compare_images import precision_and_recall

#: The function has the name of its module.
module = importlib.import_module("pushforward.evaluate.compare_images")


def test_a_sample_covers_itself_and_nothing_far_away(rng):
    x = rng.normal(size=(50, 3))
    assert precision_and_recall(x, x, 3) == (1.0, 1.0)
    assert precision_and_recall(x, x + 100, 3) == (0.0, 0.0)


def test_one_mode_is_precise_and_two_are_covered_by_half(rng):
    both = np.concatenate([rng.normal(size=(100, 2)), 50 + rng.normal(size=(100, 2))])
    precision, recall = precision_and_recall(both, rng.normal(size=(200, 2)), 3)
    assert precision > 0.8
    assert abs(recall - 0.5) < 0.05
    # The other way around, half of what is generated is no data, and all data are covered.
    assert precision_and_recall(rng.normal(size=(200, 2)), both, 3) == pytest.approx((0.5, 0.9), abs=0.1)


def test_the_manifold_is_that_of_the_nearest_neighbors(rng, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 64)
    x, y, k = rng.normal(size=(20, 2)), 1.5 * rng.normal(size=(30, 2)), 2
    apart = np.linalg.norm(x[:, None] - x, axis=2)
    radius = np.sort(apart, axis=1)[:, k]
    inside = [any(np.linalg.norm(g - a) <= r for a, r in zip(x, radius, strict=True)) for g in y]
    assert 0 < np.mean(inside) < 1
    assert precision_and_recall(x, y, k)[0] == np.mean(inside)


def test_what_is_elsewhere_is_told_from_data(rng):
    images = rng.integers(0, 5, (80, 3, 3, 1)).astype(np.uint8)
    away = compare_images(images[:40], images[40:] + np.uint8(9), train=images, components=9)
    assert (away.rows, away.features, away.c2st.rows) == (20, 9, (20, 20))
    assert (away.precision, away.recall, away.c2st.value) == (0.0, 0.0, 1.0)
    assert away.baseline_precision > 0.7
    assert away.baseline_recall > 0.7
    assert away.baseline_c2st.p_value > 0.01
    assert "0% of the generated images look like data (other data: " in str(away)


@pytest.fixture
def quick(monkeypatch):
    """Put a test that takes no training in the place of the classifier."""
    monkeypatch.setattr(module, "c2st", lambda key, x, y: sliced_wasserstein(key, x, y, permutations=19))


@pytest.mark.usefixtures("quick")
def test_data_pass(rng):
    images = rng.integers(0, 5, (400, 3, 3, 1)).astype(np.uint8)
    same = compare_images(images[:200], images[200:], components=2)
    assert same.rows == 50
    assert same.c2st.p_value > 0.05
    assert min(same.precision, same.recall, same.baseline_precision, same.baseline_recall) > 0.7
    assert compare_images(images[:200], images[200:], components=2) == same
    # All images that are at hand take part: half of the data in the place of generated ones, with others to learn from.
    assert compare_images(images[:200], images[200:], components=2, train=images).rows == 100
    assert compare_images(images[:200], images[200:230], components=2).rows == 30


@pytest.mark.usefixtures("quick")
def test_features_of_a_classifier_see_what_tells_the_classes(rng):
    # The classes differ in one pixel, faint beside the noise of the others; only one is generated.
    labels = np.arange(400) % 2
    images = rng.normal(size=(400, 2, 2, 1)) * 3
    images[:, 0, 0, 0] = labels + 0.01 * rng.normal(size=400)
    by_class = compare_images(images, images[labels == 0], space="classifier", labels=labels, components=4)
    by_pca = compare_images(images, images[labels == 0], components=2)
    assert by_class.recall < 0.7 < min(by_class.precision, by_class.baseline_recall, by_pca.recall)
    assert by_class.c2st.p_value <= 0.05
    assert "hidden units of a classifier" in str(by_class)


def test_refusals(rng, monkeypatch):
    images = rng.integers(0, 5, (60, 2, 2, 1))
    for wrong, match in (
        (images + 0.5, r"`generated` must be of integers, as `real`; got .* Make pixels of them: np\.clip"),
        (images[:, :1], r"`generated` must be numbers of shape \(images, 2, 2, 1\); got `shape \(60, 1, 2, 1\)"),
        (np.where(images == 1, np.inf, images), "`generated` must be finite; got `"),
        (images[:5], "`real and generated` must be 40 and 10 images or more; got `60 real and 5 generated`"),
    ):
        with pytest.raises(ValueError, match=match):
            compare_images(images, wrong)
    with pytest.raises(
        ValueError, match=r"`labels` must be the classes of `real`, shape \(60,\), two or more; got None"
    ):
        compare_images(images, images, space="classifier")
    with pytest.raises(ValueError, match=r"`labels` must be the classes of `train`, shape \(20,\)"):
        compare_images(images, images, train=images[:20], space="classifier", labels=np.zeros(60))
    with pytest.raises(ValueError, match="`neighbors` must be a positive integer"):
        compare_images(images, images, neighbors=0)
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(ImportError, match=r"`compare_images` needs scikit-learn: pip install pushforward\[sklearn\]"):
        compare_images(images, images)
