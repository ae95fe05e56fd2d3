"""Comparison of generated images with data, and of data with other data as a baseline."""

from dataclasses import dataclass
from typing import Literal, final

import jax
import numpy as np
from jaxtyping import Float, Int

from .._errors import bad, require, require_count
from .._types import ArrayLike
from .two_sample import MANY, TwoSample, c2st

#: Number of distances held in memory at once.
BLOCK = 2**22
#: Fewest images in each part of the comparison, the number that the classifier needs.
LEAST = 10

Features = Float[np.ndarray, "_ features"]


@final
@dataclass(frozen=True)
class ImageComparison:
    """Figures for generated images and, under `baseline_`, for other images of the data in their place.

    Attributes:
        space: "pca" or "classifier": the features that were compared.
        features: number of features.
        rows: number of images in each part: generated images, the data that they are compared with, and the other
            data. Precision and recall depend on it.
        c2st: classifier two-sample test, 1/2 if the classifier cannot tell generated images from the data.
        precision: share of generated images inside the manifold of the data: they look like data.
        recall: share of the data inside the manifold of the generated images: the data are covered.
    """

    space: Literal["pca", "classifier"]
    features: int
    rows: int
    c2st: TwoSample
    precision: float
    recall: float
    baseline_c2st: TwoSample
    baseline_precision: float
    baseline_recall: float

    def __str__(self) -> str:
        what = {"pca": "principal components", "classifier": "hidden units of a classifier"}[self.space]
        return (
            f"In {self.features} {what} of {self.rows:,} images each, {self.precision:.0%} of the generated images "
            f"look like data (other data: {self.baseline_precision:.0%}), they cover {self.recall:.0%} of the data "
            f"(other data: {self.baseline_recall:.0%}), and a classifier tells them from data with an accuracy of "
            f"{self.c2st.value:.2f} (other data: {self.baseline_c2st.value:.2f})."
        )


def compare_images(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    train: ArrayLike | None = None,
    space: Literal["pca", "classifier"] = "pca",
    labels: ArrayLike | None = None,
    components: int = 16,
    neighbors: int = 3,
    seed: int = 0,
) -> ImageComparison:
    """Compare generated images with data by features learned from the data; no network is downloaded.

        manifold(A) = union over a in A of balls around a up to its k-th nearest neighbor in A
        precision = share of generated in manifold(real),   recall = share of real in manifold(generated)

    Precision is high if generated images look like data, even if all look alike. Recall is high if generated images
    cover all the data, even if others do not look like data. The accuracy of a classifier (`c2st`) completes them.
    All figures depend on the features and on the number of images. They are therefore also computed with data in place
    of the generated images: compare with this baseline, not with 1. A flow that repeats its training data passes, too.

    The data are split into two parts, one of which takes the place of generated images. Without `train`, half of the
    data is first set aside to learn the features: images that the features were learned from would look different.

    Arguments:
        real: images that no flow was fitted to, shape (images, ...).
        generated: draws of a flow, of the same image shape. If `real` are integers, they must be integers, too.
        train: further images to learn the features from, such as the training images of the flow.
        space: "pca", the first principal components; "classifier", the hidden layer of a network trained to predict
            `labels`.
        labels: shape (images,), classes of `train` or, without it, of `real`; for "classifier" only.
        components: number of features, reduced if there are too few images.
        neighbors: k.
        seed: seed of the split, the features and the classifiers.

    Raises:
        ValueError: if a shape does not fit, a number is not finite, there are too few images, or `labels` are missing.
        ImportError: if scikit-learn is not installed.

    Reference:
        "Improved Precision and Recall Metric for Assessing Generative Models", Kynkäänniemi, Karras, Laine, Lehtinen,
        Aila, 2019; "Revisiting Classifier Two-Sample Tests", Lopez-Paz, Oquab, 2017.
    """
    require(space in ("pca", "classifier"), "space", '"pca" or "classifier"', space)
    require_count("components", components)
    require_count("neighbors", neighbors)
    shape = np.shape(real)[1:]
    real, generated = _images("real", real, shape), _images("generated", generated, shape)
    if (real == np.floor(real)).all() and not (generated == np.floor(generated)).all():
        remedy = "Make pixels of them: np.clip(np.floor(generated), 0, levels - 1)."
        raise bad("generated", "of integers, as `real`", "`other numbers`", remedy)
    rng = np.random.default_rng(seed)
    compared = rng.permutation(len(real))
    learned, name = (real, "real") if train is None else (_images("train", train, shape), "train")
    classes = None if space == "pca" else _labels(labels, len(learned), name)
    if train is None:
        compared, rest = np.split(compared, [len(real) // 2])
        learned, classes = real[rest], None if classes is None else classes[rest]
    rows = min(len(compared) // 2, len(generated))
    least = max(LEAST, neighbors + 1)
    enough = len(compared) // 2 >= least and len(generated) >= least
    shown = f"`{len(real):,} real and {len(generated):,} generated`"
    require(enough, "real and generated", f"{least * (4 if train is None else 2)} and {least} images or more", shown)
    first, other = real[compared[:rows]], real[compared[rows : 2 * rows]]
    drawn = generated[rng.permutation(len(generated))[:rows]]
    features = _features(space, learned, classes, components, int(rng.integers(2**31)), (first, other, drawn))
    of_first, of_other, of_drawn = features
    key = jax.random.key(seed)
    return ImageComparison(
        space,
        of_first.shape[1],
        rows,
        c2st(key, of_first, of_drawn),
        *precision_and_recall(of_first, of_drawn, neighbors),
        c2st(key, of_first, of_other),
        *precision_and_recall(of_first, of_other, neighbors),
    )


def precision_and_recall(real: Features, generated: Features, neighbors: int) -> tuple[float, float]:
    """Return the share of generated rows in the manifold of the real rows, and of real rows in the generated manifold.

    Arguments:
        real, generated: shapes (n, features), (m, features), with more rows than `neighbors`.
        neighbors: k; the manifold of a sample is the union of balls around its rows up to the k-th nearest other row.

    Reference:
        See `compare_images`.
    """
    return _share_inside(generated, real, neighbors), _share_inside(real, generated, neighbors)


def _share_inside(points: Features, sample: Features, neighbors: int) -> float:
    from scipy.spatial.distance import cdist

    size = max(1, BLOCK // len(sample))
    blocks = range(0, len(sample), size)
    # The nearest row is the row itself.
    radii = [np.partition(cdist(sample[i : i + size], sample), neighbors, axis=1)[:, neighbors] for i in blocks]
    radius = np.concatenate(radii)
    inside = [(cdist(points[i : i + size], sample) <= radius).any(axis=1) for i in range(0, len(points), size)]
    return float(np.concatenate(inside).mean())


def _features(
    space: str, learned: Features, classes: np.ndarray | None, components: int, seed: int, parts: tuple[Features, ...]
) -> list[np.ndarray]:
    try:
        from sklearn.decomposition import PCA
        from sklearn.neural_network import MLPClassifier
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError("`compare_images` needs scikit-learn: pip install pushforward[sklearn]") from error
    center, scale = learned.mean(axis=0), learned.std() or 1.0
    learned, parts = (learned - center) / scale, tuple((part - center) / scale for part in parts)
    if space == "pca":
        pca = PCA(min(components, *learned.shape), random_state=seed).fit(learned)
        return [pca.transform(part) for part in parts]
    many = len(learned) >= MANY
    network = MLPClassifier((components,), max_iter=10_000, early_stopping=many, random_state=seed)
    with threadpool_limits(1, user_api="blas"):
        network.fit(learned, classes)
    return [np.maximum(part @ network.coefs_[0] + network.intercepts_[0], 0.0) for part in parts]


def _labels(labels: ArrayLike | None, count: int, name: str) -> Int[np.ndarray, " images"]:
    rule = f"the classes of `{name}`, shape ({count},), two or more"
    if labels is None:
        raise bad("labels", rule, None, 'Or pass space="pca".')
    classes = np.unique(np.asarray(labels), return_inverse=True)[1].reshape(np.shape(labels))
    ok = classes.shape == (count,) and bool(classes.max() > 0)
    require(ok, "labels", rule, f"`shape {classes.shape}`")
    return classes


def _images(name: str, images: ArrayLike, shape: tuple[int, ...]) -> Features:
    images = np.asarray(images)
    if images.dtype.kind not in "fiub" or images.ndim < 2 or images.shape[1:] != shape or images.size == 0:
        shown = f"`shape {images.shape} and dtype {images.dtype}`"
        raise bad(name, f"numbers of shape (images, {', '.join(map(str, shape))})", shown)
    rows = images.reshape(len(images), -1).astype(np.float64)
    wrong = int((~np.isfinite(rows).all(axis=1)).sum())
    require(wrong == 0, name, "finite", f"`{wrong:,} of {len(rows):,} images with a number that is not`")
    return rows
