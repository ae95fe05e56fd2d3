"""Fit a mixture of Gaussians to the rows of a table, on the host."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from ..._errors import require, require_count
from ...distributions.gaussian_mixture import GaussianMixture
from ..rows.rows import float_dtype

#: Variance that each column of a component has at least, in units of the variance of the column.
FLOOR = 1e-6
#: Beyond this number of columns there is one component.
MAX_COLUMNS = 64
#: Most rows from which the number of components is found, and most rows of the last steps.
SEARCHED, POLISHED = 20_000, 200_000
#: Most elements of the features of a sample at once. A larger sample has its features computed anew in each step.
MAX_ELEMENTS = 1 << 24
#: A sample of more elements tries the numbers of components of `COARSE` alone.
MAX_FINE, COARSE = 500_000, frozenset((1, 2, 3, 4, 6, 8, 12, 16, 20, 25, 32, 42))
#: The numbers of components that are tried; many modes, and curves, ask for many.
COUNTS = (*range(1, 21), 22, 25, 28, 32, 36, 42, 50)
#: So many numbers of components in turn without a better criterion end the search.
PATIENCE = 5
#: Starts by k-means for each number of components, each of so many steps, of which the best is continued.
STARTS, FIRST_STEPS = 2, 10
#: Rows and steps of k-means.
CLUSTERED, CLUSTER_STEPS = 4_000, 10
#: Multiplications of the steps of one number of components, of the last steps, and of one covariance matrix.
WORK, LAST_WORK, COVARIANCE_WORK = 1.5e9, 1e10, 1e10


def fit_gaussian_mixture(
    x: np.ndarray,
    condition: np.ndarray | None,
    weights: np.ndarray | None,
    rng: np.random.Generator,
    counts: Sequence[int] = COUNTS,
) -> GaussianMixture:
    """Return the mixture of Gaussians of full covariance that expectation maximization fits to the rows of (c, x).

    The number of components is that of the least Bayesian information criterion (BIC) of the joint density of (c, x),

        -2 n L + p log n,

    with L the mean log-density, p the number of parameters and n = (Σ w)² / Σ w², the effective number of rows. Each
    number has starts by k-means and, from the second on, one that splits the heaviest components of the number before.
    Tables of many rows try fewer numbers, on a sample of the rows. A component that is left with fewer rows than twice
    the parameters of a mean is dropped, so that none settles on a few rows that happen to be close together; the result
    has then fewer components than asked for. The work is bounded, in steps and not in time, so that the same `rng`
    gives the same mixture.

    Arguments:
        x: shape (n, dim), of any real dtype, finite. Equal rows and constant columns do no harm.
        condition: shape (n, cond_dim), or None for an unconditional density.
        weights: of the rows, shape (n,), non-negative, or None for equal weights.
        rng: decides the sample and the starts.
        counts: numbers of components to try; one only beyond 64 columns.

    Returns:
        A density of x, or of x given the condition, in the units of the data and in their dtype on the device.

    Raises:
        ValueError: if a shape does not fit, or a number of components is not positive.

    Reference:
        "Maximum Likelihood from Incomplete Data via the EM Algorithm", Dempster, Laird, Rubin, 1977; "k-means++: the
        Advantages of Careful Seeding", Arthur, Vassilvitskii, 2007; "Estimating the Dimension of a Model", Schwarz,
        1978.
    """
    require(x.ndim == 2 and x.size > 0, "x", "of shape (rows, columns), not empty", f"`shape {x.shape}`")
    for name, array, axes in (("condition", condition, 2), ("weights", weights, 1)):
        ok = array is None or (array.ndim == axes and len(array) == len(x))
        require(ok, name, f"an array of {axes} axes and {len(x)} rows", f"`shape {getattr(array, 'shape', None)}`")
    wanted = sorted({require_count("counts", count) for count in counts})
    require(len(wanted) > 0, "counts", "at least one number of components", counts)
    dim = x.shape[1] + (0 if condition is None else condition.shape[1])
    used = np.arange(len(x)) if weights is None else np.flatnonzero(weights > 0)
    require(len(used) > 0, "weights", "positive in at least one row", weights)
    most = int(min(POLISHED, max(COVARIANCE_WORK / dim**2, 4 * dim)))
    used = used if len(used) <= most else rng.permutation(used)[:most]
    parts = [x] if condition is None else [condition, x]
    table = np.concatenate([np.asarray(part[used], np.float64).T for part in parts])
    weight = np.ones(len(used)) if weights is None else np.asarray(weights[used], np.float64)
    weight = weight / weight.sum()

    loc = table @ weight
    table -= loc[:, None]
    scale = np.sqrt(np.square(table) @ weight)
    # A column that is constant but for rounding has no scale of its own.
    scale = np.where(scale > 1e-12 * np.abs(loc), scale, np.maximum(np.abs(loc), 1.0))
    table /= scale[:, None]
    found = _search(table, weight, rng, wanted if dim <= MAX_COLUMNS else [1])

    dtype = float_dtype(x)
    return GaussianMixture(
        found.weights.astype(dtype),
        (loc + scale * found.means).astype(dtype),
        factors=scale[:, None] * found.factors,
        cond_dim=dim - x.shape[1],
    )


@final
@dataclass(frozen=True)
class _Gaussians:
    """Weights (K,), means (K, dim) and lower Cholesky factors of the covariances (K, dim, dim)."""

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    def coefficients(self) -> Float[np.ndarray, "count features"]:
        """Return the coefficients of the features in log w_k + log N(x; m_k, L_k L_kᵀ), which is quadratic in x."""
        dim = self.means.shape[1]
        inverse = np.linalg.inv(self.factors)
        precision = inverse.swapaxes(1, 2) @ inverse
        linear = (precision @ self.means[:, :, None])[:, :, 0]
        diagonal = np.diagonal(self.factors, axis1=1, axis2=2)
        constant = np.log(self.weights) - np.log(diagonal).sum(axis=1) - 0.5 * dim * math.log(2 * math.pi)
        constant -= 0.5 * (linear * self.means).sum(axis=1)
        rows, columns = np.triu_indices(dim)
        quadratic = -precision[:, rows, columns] * np.where(rows == columns, 0.5, 1.0)
        return np.concatenate([constant[:, None], linear, quadratic], axis=1)

    def split(self, count: int) -> "_Gaussians":
        """Return `count` components of the same moments: the heaviest in two along their longest axis."""
        heavy = np.argsort(-self.weights, kind="stable")[: count - len(self.weights)]
        covariances = self.factors[heavy] @ self.factors[heavy].swapaxes(1, 2)
        values, vectors = np.linalg.eigh(covariances)
        half = 0.5 * np.sqrt(values[:, -1:]) * vectors[:, :, -1]
        factors = _factors(covariances - half[:, :, None] * half[:, None, :])
        weights, means, all_factors = self.weights.copy(), self.means.copy(), self.factors.copy()
        weights[heavy] *= 0.5
        means[heavy] += half
        all_factors[heavy] = factors
        return _Gaussians(
            np.concatenate([weights, weights[heavy]]),
            np.concatenate([means, self.means[heavy] - half]),
            np.concatenate([all_factors, factors]),
        )


@final
class _Sample:
    """Standardized rows, the last axis, and their weights of sum one.

    A log-density is a product of its coefficients with the features 1, x_i and x_i x_j (i ≤ j) of the rows, and the
    moments of components are a product of responsibilities and features: a step is two matrix products.
    """

    def __init__(self, x: Float[np.ndarray, "dim rows"], weight: Float[np.ndarray, " rows"]):
        self.x, self.weight = x, weight
        self.dim, self.rows = x.shape
        self.features = 1 + self.dim + self.dim * (self.dim + 1) // 2
        self.effective = 1 / float(np.square(weight).sum())
        self.least = 2 * (self.dim + 1) / self.effective
        self._step = max(1, MAX_ELEMENTS // self.features)
        self._cached = self._of(x) if self.rows <= self._step else None

    def penalty(self, count: int) -> float:
        """Return half of what the criterion asks for the parameters, for each row."""
        return 0.5 * (count * self.features - 1) * math.log(max(self.effective, 2.0)) / self.effective

    def climb(self, start: _Gaussians, steps: int, tolerance: float) -> tuple[_Gaussians, float]:
        """Return the mixture after steps of expectation maximization, and the mean log-density before the last."""
        before = -math.inf
        for _ in range(steps):
            start, value = self._maximized(start)
            if value - before < tolerance:
                return start, value
            before = value
        return start, before

    def of_clusters(self, centers: Float[np.ndarray, "count dim"]) -> _Gaussians:
        """Return the mixture of the rows nearest to each center."""
        nearest = _nearest(self.x, centers)[0]
        moments = np.zeros((len(centers), self.features))
        for part, features in self._blocks():
            moments += (np.arange(len(centers))[:, None] == nearest[part]) * self.weight[part] @ features.T
        return self._from_moments(moments)

    def one(self) -> _Gaussians:
        """Return the Gaussian of the mean and covariance of the rows."""
        mean = self.x @ self.weight
        second = (self.x * self.weight) @ self.x.T
        return _Gaussians(np.ones(1), mean[None], _factors((second - np.outer(mean, mean))[None]))

    def log_likelihood(self, mixture: _Gaussians) -> float:
        """Return the mean log-density."""
        return self._expected(mixture)[1]

    def _maximized(self, mixture: _Gaussians) -> tuple[_Gaussians, float]:
        moments, value = self._expected(mixture)
        return self._from_moments(moments), value

    def _expected(self, mixture: _Gaussians) -> tuple[Float[np.ndarray, "count features"], float]:
        """Return the moments of the features, weighted by responsibilities, and the mean log-density."""
        coefficients = mixture.coefficients()
        moments, value = np.zeros_like(coefficients), 0.0
        for part, features in self._blocks():
            each = coefficients @ features
            top = each.max(axis=0)
            each -= top
            np.exp(each, out=each)
            total = each.sum(axis=0)
            value += float((np.log(total) + top) @ self.weight[part])
            each *= self.weight[part] / total
            moments += each @ features.T
        return moments, value

    def _from_moments(self, moments: Float[np.ndarray, "count features"]) -> _Gaussians:
        share = moments[:, 0]
        kept = share >= self.least
        kept[np.argmax(share)] = True
        share, moments, dim = share[kept], moments[kept], self.dim
        means = moments[:, 1 : 1 + dim] / share[:, None]
        second = np.empty((len(share), dim, dim))
        rows, columns = np.triu_indices(dim)
        second[:, rows, columns] = second[:, columns, rows] = moments[:, 1 + dim :] / share[:, None]
        covariances = second - means[:, :, None] * means[:, None, :]
        return _Gaussians(share / share.sum(), means, _factors(covariances))

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        if self._cached is not None:
            yield slice(None), self._cached
            return
        for start in range(0, self.rows, self._step):
            part = slice(start, start + self._step)
            yield part, self._of(self.x[:, part])

    def _of(self, x: Float[np.ndarray, "dim rows"]) -> Float[np.ndarray, "features rows"]:
        out = np.empty((self.features, x.shape[1]))
        out[0], out[1 : 1 + self.dim] = 1.0, x
        at = 1 + self.dim
        for i in range(self.dim):
            np.multiply(x[i], x[i:], out=out[at : at + self.dim - i])
            at += self.dim - i
        return out


def _search(
    x: Float[np.ndarray, "dim rows"], weight: Float[np.ndarray, " rows"], rng: np.random.Generator, counts: list[int]
) -> _Gaussians:
    """Return the mixture of the best criterion, fitted to all rows."""
    dim, rows = x.shape
    if counts == [1]:
        mean = x @ weight
        covariance = (x * weight) @ x.T - np.outer(mean, mean)
        return _Gaussians(np.ones(1), mean[None], _factors(covariance[None]))
    searched = min(SEARCHED, max(MAX_ELEMENTS // (dim * dim), 1000))
    some = slice(None) if rows <= searched else rng.permutation(rows)[:searched]
    sample = _Sample(x[:, some], weight[some] / weight[some].sum())
    if sample.rows * sample.features > MAX_FINE and len(counts) > 1:
        counts = [count for count in counts if count in COARSE] or counts
    best, value = _of_count(sample, counts[0], None, rng)
    last, least, since = best, sample.penalty(len(best.weights)) - value, 0
    for count in counts[1:]:
        last, value = _of_count(sample, count, last, rng)
        criterion = sample.penalty(len(last.weights)) - value
        since += 1
        if criterion < least:
            best, least, since = last, criterion, 0
        if since >= PATIENCE:
            break
    whole = sample if rows == sample.rows else _Sample(x, weight)
    if len(best.weights) == 1:
        return whole.one()
    steps = int(np.clip(LAST_WORK / (2 * rows * sample.features * len(best.weights)), 5, 200))
    return whole.climb(best, steps, 1e-7)[0]


def _of_count(
    sample: _Sample, count: int, last: _Gaussians | None, rng: np.random.Generator
) -> tuple[_Gaussians, float]:
    """Return a mixture of at most `count` components and its mean log-density; `last` is one of fewer components."""
    if count == 1:
        one = sample.one()
        return one, sample.log_likelihood(one)
    tolerance = max(1e-7, 1e-3 * (sample.penalty(2) - sample.penalty(1)))
    starts = [sample.of_clusters(_centers(sample, count, rng)) for _ in range(STARTS)]
    if last is not None and len(last.weights) < count <= 2 * len(last.weights):
        starts.append(last.split(count))
    climbed = [sample.climb(start, FIRST_STEPS, tolerance) for start in starts]
    # A start may have lost components on its way: what counts is the criterion.
    best = min(climbed, key=lambda pair: sample.penalty(len(pair[0].weights)) - pair[1])[0]
    steps = int(np.clip(WORK / (2 * sample.rows * sample.features * count), 20, 200))
    best = sample.climb(best, steps, tolerance)[0]
    return best, sample.log_likelihood(best)


def _factors(covariances: Float[np.ndarray, "count dim dim"]) -> Float[np.ndarray, "count dim dim"]:
    """Return the Cholesky factors of covariances with `FLOOR` added to the variances."""
    raised = covariances + FLOOR * np.eye(covariances.shape[1])
    try:
        return np.linalg.cholesky(raised)
    except np.linalg.LinAlgError:
        # Rounding of rows far out: no direction has less than the floor.
        values, vectors = np.linalg.eigh(raised)
        values = np.maximum(values, FLOOR + 1e-12 * values[:, -1:])
        return np.linalg.cholesky((vectors * values[:, None, :]) @ vectors.swapaxes(1, 2))


def _centers(sample: _Sample, count: int, rng: np.random.Generator) -> Float[np.ndarray, "found dim"]:
    """Return at most `count` centers by k-means, from a start in which each new center is likely to be far away.

    Of a few candidates for a center, the one that brings the rows nearest is taken.
    """
    some = slice(None) if sample.rows <= CLUSTERED else rng.choice(sample.rows, CLUSTERED, replace=False)
    x, weight = sample.x[:, some], sample.weight[some] / sample.weight[some].sum()
    centers = x[:, rng.choice(len(weight), p=weight)][None]
    distance = np.square(x - centers[0][:, None]).sum(axis=0)
    for _ in range(count - 1):
        chance = distance * weight
        if chance.sum() <= 1e-12:
            break  # fewer different rows than centers
        tried = rng.choice(len(weight), 2 + int(math.log(count)), p=chance / chance.sum())
        nearer = np.minimum(distance, _squared_distances(x, x[:, tried].T))
        best = int(np.argmin(nearer @ weight))
        centers, distance = np.concatenate([centers, x[:, tried[best]][None]]), nearer[best]
    for _ in range(CLUSTER_STEPS):
        nearest = _nearest(x, centers)[0]
        share = (np.arange(len(centers))[:, None] == nearest) * weight
        total = share.sum(axis=1)
        centers = (share @ x.T)[total > 0] / total[total > 0, None]
    return centers


def _squared_distances(
    x: Float[np.ndarray, "dim rows"], centers: Float[np.ndarray, "count dim"]
) -> Float[np.ndarray, "count rows"]:
    both = np.square(centers).sum(axis=1)[:, None] + np.square(x).sum(axis=0)
    return np.maximum(both - 2 * centers @ x, 0.0)


def _nearest(
    x: Float[np.ndarray, "dim rows"], centers: Float[np.ndarray, "count dim"]
) -> tuple[Int[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Return the index of the nearest center of each row, and its squared distance."""
    distances = _squared_distances(x, centers)
    nearest = distances.argmin(axis=0)
    return nearest, distances[nearest, np.arange(len(nearest))]
