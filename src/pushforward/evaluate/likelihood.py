"""Held-out log-likelihood of a flow compared with a Gaussian and a kernel density estimate."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from .._errors import bad, require, require_count
from .._types import ArrayLike
from ..distributions._base import AbstractDistribution

#: Most rows that a kernel density estimate is fitted on; its cost is (training rows) x (held-out rows).
KDE_ROWS = 10_000

Rows = Float[np.ndarray, "rows _"]
Values = Float[np.ndarray, " rows"]


@final
@dataclass(frozen=True)
class Likelihood:
    """A mean held-out log-density, in nats per row.

    Attributes:
        mean: the (weighted) mean of log p over the held-out rows; NaN if the density does not exist.
        standard_error: standard error of `mean`.
        behind: mean of log p(flow) - log p(this) over the same rows; 0 for the flow itself.
        behind_error: standard error of `behind`, far smaller than `standard_error` since the rows are the same.
        rows: number of held-out rows.
        fitted_on: number of training rows used for the density; None for a flow, which is fitted before.
        note: a note to the reader; may be empty.
    """

    mean: float
    standard_error: float
    behind: float
    behind_error: float
    rows: int
    fitted_on: int | None = None
    note: str = ""


def compare_likelihood(
    flow: AbstractDistribution,
    train: ArrayLike,
    test: ArrayLike,
    *,
    train_condition: ArrayLike | None = None,
    test_condition: ArrayLike | None = None,
    train_weights: ArrayLike | None = None,
    test_weights: ArrayLike | None = None,
    seed: int = 0,
) -> dict[str, Likelihood]:
    """Compare log-likelihoods on held-out rows: the flow, a full-covariance Gaussian, a Gaussian KDE.

    This function fits the two baselines on the training rows, the KDE (Scott's rule) on at most 10,000 of them
    drawn at random. For a conditional flow the baselines are conditional: log p(x, c) - log p(c), p(c) the exact
    marginal of the fitted joint density.

    Arguments:
        flow: a density of events of shape (d,), fitted on the training rows; in the units of the data.
        train, test: shapes (rows, d).
        train_condition, test_condition: shapes (rows, k), for a conditional flow.
        train_weights, test_weights: shapes (rows,), not negative.
        seed: decides which rows the KDE uses.

    Returns:
        The results under "flow", "gaussian" and "kde", in nats per row.

    Raises:
        ValueError: if a shape does not fit, there is no row, or a weight is negative.

    Reference:
        "Multivariate Density Estimation", David W. Scott, 1992 (bandwidth of the KDE).
    """
    x, c, w = _checked("train", train, train_condition, train_weights)
    x_test, c_test, w_test = _checked("test", test, test_condition, test_weights)
    of_flow = np.asarray(flow.log_prob(x_test, None if c_test is None else c_test), np.float64)
    joint = x if c is None else np.concatenate([x, c], axis=1)
    joint_test = x_test if c_test is None else np.concatenate([x_test, c_test], axis=1)
    d = x.shape[1]
    used = _subset(joint.shape[0], KDE_ROWS, seed)
    results = {"flow": _summary(of_flow, of_flow, w_test, None, "")}
    for name, log_density, rows in (
        ("gaussian", gaussian_log_density, np.arange(joint.shape[0])),
        ("kde", kde_log_density, used),
    ):
        note = f"fitted on {rows.size:,} of the {joint.shape[0]:,} rows" if rows.size < joint.shape[0] else ""
        try:
            values = log_density(joint[rows], joint_test, d, None if w is None else w[rows])
        except np.linalg.LinAlgError:
            values = np.full(x_test.shape[0], np.nan)
            note = "does not exist: the covariance of the training rows is singular"
        results[name] = _summary(values, of_flow, w_test, rows.size, note)
    return results


def gaussian_log_density(
    train: Float[np.ndarray, "n d"],
    test: Float[np.ndarray, "m d"],
    given_from: int,
    weights: Float[np.ndarray, " n"] | None = None,
) -> Float[np.ndarray, " m"]:
    """Return log p(x | c) of the full-covariance Gaussian of (x, c) fitted by maximum likelihood.

    Arguments:
        train, test: shape (rows, d + k).
        given_from: d; columns d, d + 1, ... are c.
        weights: shape (rows,).

    Raises:
        numpy.linalg.LinAlgError: if the covariance is singular.
    """
    mean = np.average(train, axis=0, weights=weights)
    covariance = np.atleast_2d(np.cov(train, rowvar=False, aweights=weights, bias=True))
    residual = test - mean
    log_density = _normal_log_density(residual, covariance)
    if given_from < train.shape[1]:
        log_density -= _normal_log_density(residual[:, given_from:], covariance[given_from:, given_from:])
    return log_density


def kde_log_density(
    train: Float[np.ndarray, "n d"],
    test: Float[np.ndarray, "m d"],
    given_from: int,
    weights: Float[np.ndarray, " n"] | None = None,
) -> Float[np.ndarray, " m"]:
    """Return log p(x | c) of a Gaussian kernel density estimate of (x, c), by Scott's rule, in log space.

    Arguments and errors are as for `gaussian_log_density`. The marginal p(c) has the bandwidth of the joint density,
    so that p(x | c) integrates to one.
    """
    from scipy.stats import gaussian_kde

    if train.shape[0] <= train.shape[1]:
        raise np.linalg.LinAlgError("fewer rows than columns")
    # Standardize the columns, so that SciPy's Cholesky factorization works for columns in any units.
    scale = train.std(axis=0)
    if not (scale > 0).all():
        raise np.linalg.LinAlgError("a constant column")
    center = train.mean(axis=0)
    kde = gaussian_kde(((train - center) / scale).T, bw_method="scott", weights=weights)
    points = ((test - center) / scale).T
    log_density = kde.logpdf(points) - np.log(scale[:given_from]).sum()
    if given_from < train.shape[1]:
        given = np.arange(given_from, train.shape[1])
        log_density -= kde.marginal(given).logpdf(points[given])
    return log_density


def mean_and_standard_error(values: Values, weights: Values | None = None) -> tuple[float, float]:
    """Return the mean of independent values and its standard error.

        s.e. = sqrt(sum w_i² (v_i - mean)²) / sum w_i,  times sqrt(n / (n - 1))

    Arguments:
        values: shape (n,); the error of a single value is NaN.
        weights: shape (n,), not negative; all one by default.
    """
    w = np.ones_like(values) if weights is None else weights
    n = values.size
    mean = float(np.average(values, weights=w))
    if n < 2:
        return mean, float("nan")
    spread = np.sqrt(np.sum(w**2 * (values - mean) ** 2)) / w.sum()
    return mean, float(spread * np.sqrt(n / (n - 1)))


def _normal_log_density(
    residual: Float[np.ndarray, "m d"], covariance: Float[np.ndarray, "d d"]
) -> Float[np.ndarray, " m"]:
    # Factor correlations, not covariances: the accuracy then does not depend on the units.
    scale = np.sqrt(np.diag(covariance))
    if not (scale > 0).all():
        raise np.linalg.LinAlgError("a constant column")
    correlation = covariance / np.outer(scale, scale)
    if np.linalg.matrix_rank(correlation, hermitian=True) < correlation.shape[0]:
        raise np.linalg.LinAlgError("dependent columns")
    factor = np.linalg.cholesky(correlation)
    z = np.linalg.solve(factor, (residual / scale).T)
    log_det = np.log(np.diag(factor)).sum() + np.log(scale).sum()
    return -0.5 * (z**2).sum(axis=0) - log_det - 0.5 * residual.shape[1] * np.log(2 * np.pi)


def _summary(values: Values, of_flow: Values, weights: Values | None, fitted_on: int | None, note: str) -> Likelihood:
    bad_rows = int((~np.isfinite(values)).sum())
    if bad_rows and not note:
        note = f"{bad_rows:,} of {values.size:,} rows have a log-density that is not finite"
    with np.errstate(invalid="ignore"):
        mean, error = mean_and_standard_error(values, weights)
        behind, behind_error = mean_and_standard_error(of_flow - values, weights)
    return Likelihood(mean, error, behind, behind_error, values.size, fitted_on, note)


def _subset(n: int, most: int, seed: int) -> np.ndarray:
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _checked(
    name: str, x: ArrayLike, condition: ArrayLike | None, weights: ArrayLike | None
) -> tuple[Rows, Rows | None, Values | None]:
    x = _matrix(name, x)
    require_count(f"rows of {name}", x.shape[0])
    c = None if condition is None else _matrix(f"{name}_condition", condition)
    if c is not None:
        require(c.shape[0] == x.shape[0], f"{name}_condition", f"of {x.shape[0]} rows", f"`{c.shape[0]} rows`")
    if weights is None:
        return x, c, None
    w = np.asarray(weights, np.float64)
    require(w.shape == x.shape[:1], f"{name}_weights", f"of shape {x.shape[:1]}", f"`shape {w.shape}`")
    require(bool((w >= 0).all() and w.sum() > 0), f"{name}_weights", "not negative and not all zero", w)
    return x, c, w


def _matrix(name: str, x: ArrayLike) -> Rows:
    matrix = np.asarray(x, np.float64)
    if matrix.ndim != 2:
        raise bad(name, "of shape (rows, columns)", f"`shape {matrix.shape}`")
    return matrix
