"""Two-sample tests: a classifier, sliced Wasserstein distances, and a kernel test."""

import math
from dataclasses import dataclass
from typing import Literal, final

import jax
import numpy as np
from jaxtyping import Bool, Float

from .._errors import bad, require, require_count, require_key
from .._types import ArrayLike, Key
from ._uniformity import SIGNIFICANCE

#: Number of rows for the median distance, and number of rows whose kernels are held in memory at once.
MEDIAN_ROWS, BLOCK = 2000, 1024
#: Number of folds of the cross-validation.
FOLDS = 5
#: Number of rows from which the training of a classifier stops early, and the epochs of patience.
MANY, PATIENCE = 2000, 50

Rows = Float[np.ndarray, "_ columns"]


@final
@dataclass(frozen=True)
class TwoSample:
    """The distance of two samples, and a p-value for the hypothesis that they have the same distribution.

    Attributes:
        method: "c2st", "sliced Wasserstein" or "mmd".
        value: the accuracy, the distance, or the squared discrepancy.
        expected: mean of `value` if both samples come from the same distribution.
        p_value: probability of this `value` or a larger one if both samples come from the same distribution.
        rows: numbers of rows of the two samples.
    """

    method: Literal["c2st", "sliced Wasserstein", "mmd"]
    value: float
    expected: float
    p_value: float
    rows: tuple[int, int]

    def __str__(self) -> str:
        what = {
            "c2st": "a classifier is right in a share of",
            "sliced Wasserstein": "the sliced Wasserstein distance is",
            "mmd": "the squared maximum mean discrepancy is",
        }[self.method]
        differ = self.p_value <= SIGNIFICANCE
        verdict = "the samples differ" if differ else "no difference is found, which does not mean that there is none"
        return (
            f"Of {self.rows[0]:,} and {self.rows[1]:,} rows, {what} {self.value:.4g} "
            f"({self.expected:.4g} is expected of samples of one distribution, p = {self.p_value:.2g}): {verdict}."
        )


def c2st(key: Key, x: ArrayLike, y: ArrayLike) -> TwoSample:
    """Return the accuracy with which a classifier tells x from y in held-out rows: 1/2 if they are alike.

    The classifier follows the benchmark of simulation-based inference: two hidden layers of 10 units per column, relu,
    adam, five-fold cross-validation, columns standardized by the first sample. With 2000 rows or more, training stops
    when the accuracy on a tenth of its rows has not risen for 50 epochs, as in the package `sbi`; in the benchmark,
    training continues until the rows are memorized, for thousands of epochs if the samples are alike. The p-value is
    approximate and conservative: folds share training rows, so that the mean accuracy is taken to scatter 1.5 times as
    much as coin tosses.

    Arguments:
        key: random key for the folds and the initial weights.
        x: the reference sample, shape (n, columns).
        y: the sample to test, shape (n, columns). The numbers of rows must be equal, so that chance is 1/2.

    Raises:
        ValueError: if a shape does not fit, there are fewer than 10 rows, or a number is not finite.
        ImportError: if scikit-learn is not installed.

    Reference:
        "Revisiting Classifier Two-Sample Tests", Lopez-Paz, Oquab, 2017; "Benchmarking Simulation-Based Inference",
        Lueckmann, Boelts, Greenberg, Gonçalves, Macke, 2021 (the classifier); "Inference for the Generalization Error",
        Nadeau, Bengio, 2003 (the p-value).
    """
    require_key(key)
    x, y = _samples(x, y, 10)
    require(len(x) == len(y), "y", f"of as many rows as `x`, {len(x)}", f"`{len(y)} rows`", "Take a random part.")
    try:
        from sklearn.model_selection import KFold, cross_val_score
        from sklearn.neural_network import MLPClassifier
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError("`c2st` needs scikit-learn: pip install pushforward[sklearn]") from error
    center, scale = x.mean(axis=0), x.std(axis=0, ddof=1)
    rows = (np.concatenate([x, y]) - center) / np.where(scale > 0, scale, 1.0)
    labels = np.repeat([0, 1], len(x))
    seed = int(jax.random.bits(key, dtype="uint32"))
    width = 10 * x.shape[1]
    training = {"early_stopping": len(rows) >= MANY, "n_iter_no_change": PATIENCE if len(rows) >= MANY else 10}
    network = MLPClassifier((width, width), max_iter=10_000, random_state=seed, **training)
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    # Several threads are slower than one for such small products, five times slower if the machine is busy.
    with threadpool_limits(1, user_api="blas"):
        accuracy = float(cross_val_score(network, rows, labels, cv=folds).mean())
    # The mean of k folds of variance σ² each does not have variance σ² / k, but (1 / k + n_test / n_train) σ².
    error = 0.5 * math.sqrt((1 + FOLDS / (FOLDS - 1)) / len(rows))
    return TwoSample("c2st", accuracy, 0.5, 0.5 * math.erfc((accuracy - 0.5) / error / math.sqrt(2)), (len(x), len(y)))


def sliced_wasserstein(
    key: Key,
    x: ArrayLike,
    y: ArrayLike,
    *,
    num_projections: int = 128,
    p: float = 2.0,
    standardize: bool = False,
    permutations: int = 199,
) -> TwoSample:
    """Return the Wasserstein distance of two samples, averaged over projections onto random lines.

        SW_p = (mean over u of W_p(u·x, u·y)^p)^(1/p),   W_p(a, b)^p = ∫ |F_a⁻¹(t) - F_b⁻¹(t)|^p dt

    It is never 0 for finite samples: `expected` is its mean over random partitions of the pooled rows, and the p-value
    is the share of partitions with at least the distance of x and y.

    Arguments:
        key: random key for the lines and the partitions.
        x, y: shapes (n, columns), (m, columns), with columns in comparable units unless `standardize` is set.
        num_projections: number of lines, uniform over directions.
        p: order of the distance, at least 1.
        standardize: divide each column by its standard deviation over all rows; if not, the distance has the units of
            the data.
        permutations: number of partitions, at least 19.

    Raises:
        ValueError: if an argument is not as stated, or a number is not finite.

    Reference:
        "Sliced and Radon Wasserstein Barycenters of Measures", Bonneel, Rabin, Peyré, Pfister, 2015.
    """
    require_key(key)
    require_count("num_projections", num_projections)
    require_count("permutations", permutations, 19)
    require(p >= 1, "p", "at least 1", p)
    x, y = _samples(x, y, 2, standardize)
    rng = _generator(key)
    directions = rng.normal(size=(num_projections, x.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    projected = directions @ np.concatenate([x, y]).T
    order = np.argsort(projected, axis=1)
    projected = np.take_along_axis(projected, order, axis=1)
    # The quantile functions of both samples are constant between these levels, in units of 1 / (n m).
    n, m = len(x), len(y)
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    widths = np.diff(ends, prepend=0) / (n * m)
    of_x, of_y = (ends - 1) // m, (ends - 1) // n

    def distance(is_x: Bool[np.ndarray, " rows"]) -> float:
        # Rows of x in the order of each line: the pooled rows are sorted only once, for all partitions.
        mask = is_x[order]
        quantiles = projected[mask].reshape(-1, n)[:, of_x], projected[~mask].reshape(-1, m)[:, of_y]
        return float(np.mean(np.abs(quantiles[0] - quantiles[1]) ** p @ widths) ** (1 / p))

    is_x = np.arange(n + m) < n
    others = np.array([distance(rng.permutation(is_x)) for _ in range(permutations)])
    value = distance(is_x)
    return TwoSample("sliced Wasserstein", value, float(others.mean()), _p_value(value, others), (n, m))


def mmd(
    key: Key,
    x: ArrayLike,
    y: ArrayLike,
    *,
    bandwidth: float | None = None,
    standardize: bool = False,
    permutations: int = 199,
) -> TwoSample:
    """Return the unbiased squared maximum mean discrepancy of two samples for a Gaussian kernel.

        MMD² = mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) - 2 mean_{i,j} k(x_i, y_j),
        k(a, b) = exp(-|a - b|² / 2s²)

    Its mean is 0 if the two samples are alike, so it can be negative. The p-value is the share of random partitions of
    the pooled rows with at least the discrepancy of x and y. The cost is of order (n + m)² (columns + permutations).

    Arguments:
        key: random key for the partitions.
        x, y: shapes (n, columns), (m, columns), with columns in comparable units unless `standardize` is set.
        bandwidth: s, positive, in the units of the data; by default the median distance between at most 2,000 of the
            pooled rows.
        standardize: divide each column by its standard deviation over all rows.
        permutations: number of partitions, at least 19.

    Raises:
        ValueError: if an argument is not as stated, or a number is not finite.

    Reference:
        "A Kernel Two-Sample Test", Gretton, Borgwardt, Rasch, Schölkopf, Smola, 2012.
    """
    require_key(key)
    require_count("permutations", permutations, 19)
    x, y = _samples(x, y, 2, standardize)
    rng = _generator(key)
    rows, n, m = np.concatenate([x, y]), len(x), len(y)
    # Center the rows: squared distances of rows far from the origin would suffer from cancellation.
    rows -= rows.mean(axis=0)
    if bandwidth is None:
        some = rows[rng.permutation(n + m)[:MEDIAN_ROWS]]
        bandwidth = math.sqrt(np.median(_squared_distances(some, some)[np.triu_indices(len(some), 1)]))
        remedy = "Most rows are equal: pass a bandwidth."
        require(bandwidth > 0, "x and y", "of a positive median distance", bandwidth, remedy)
    require(0 < bandwidth < math.inf, "bandwidth", "positive and finite", bandwidth)
    is_x = np.arange(n + m) < n
    parts = np.stack([is_x, *(rng.permutation(is_x) for _ in range(permutations))], axis=1).astype(np.float64)
    within_x, total_x, total = np.zeros(permutations + 1), np.zeros(permutations + 1), 0.0
    for start in range(0, n + m, BLOCK):
        kernel = np.exp(-0.5 * _squared_distances(rows[start : start + BLOCK], rows) / bandwidth**2)
        kernel[np.arange(len(kernel)), start + np.arange(len(kernel))] = 0.0
        part = parts[start : start + BLOCK]
        within_x += np.sum(part * (kernel @ parts), axis=0)
        total_x += kernel.sum(axis=1) @ part
        total += float(kernel.sum())
    across = total_x - within_x
    within_y = total - within_x - 2 * across
    values = within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * across / (n * m)
    return TwoSample("mmd", float(values[0]), 0.0, _p_value(float(values[0]), values[1:]), (n, m))


def _squared_distances(a: Rows, b: Float[np.ndarray, "_ columns"]) -> Float[np.ndarray, "_ _"]:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(squares, 0.0)


def _p_value(value: float, others: Float[np.ndarray, " permutations"]) -> float:
    # The sample counts as a partition, so that a p-value is never 0. Equal values may differ by rounding.
    as_large = others >= value - 1e-12 * abs(value)
    return float((1 + as_large.sum()) / (1 + others.size))


def _generator(key: Key) -> np.random.Generator:
    return np.random.default_rng(np.asarray(jax.random.bits(key, (4,), "uint32")))


def _samples(x: ArrayLike, y: ArrayLike, least: int, standardize: bool = False) -> tuple[Rows, Rows]:
    x, y = _rows("x", x, least), _rows("y", y, least)
    if y.shape[1] != x.shape[1]:
        raise bad("y", f"of {x.shape[1]} columns, as `x`", f"`shape {y.shape}`")
    if standardize:
        scale = np.concatenate([x, y]).std(axis=0)
        x, y = x / np.where(scale > 0, scale, 1.0), y / np.where(scale > 0, scale, 1.0)
    return x, y


def _rows(name: str, rows: ArrayLike, least: int) -> Rows:
    rows = np.asarray(rows, np.float64)
    require(rows.ndim == 2 and rows.shape[1] > 0, name, "of shape (rows, columns)", f"`shape {rows.shape}`")
    require_count(f"rows of {name}", len(rows), least)
    wrong = int((~np.isfinite(rows).all(axis=1)).sum())
    require(wrong == 0, name, "finite", f"`{wrong:,} of {len(rows):,} rows with a number that is not`")
    return rows
