"""A mixture of Gaussians of full covariance: scikit-learn's, the number of components by BIC, as its examples do.

From 1 to 20 components, as long as one of the last five counts was better than all before. The columns are
standardized, since scikit-learn adds 1e-6 to each variance. With a condition, the mixture is one of (condition, x),
which is conditioned exactly.

Source: "Gaussian Mixture Model Selection", examples of scikit-learn.
"""

import math
import warnings
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from . import LogProb
from ._standard import Standard

COUNTS = range(1, 21)
#: So many counts without a better BIC end the search.
PATIENCE = 5


def _join(x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
    return (x if condition is None else np.concatenate([condition, x], axis=1)).astype(np.float64)


def _log_mixture(v: np.ndarray, mixture: Any, columns: int) -> np.ndarray:
    """Return the log-density of the first columns."""
    terms = []
    for weight, mean, covariance in zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True):
        cholesky = np.linalg.cholesky(covariance[:columns, :columns])
        z = solve_triangular(cholesky, (v[:, :columns] - mean[:columns]).T, lower=True)
        constant = np.log(np.diag(cholesky)).sum() + columns / 2 * math.log(2 * math.pi)
        terms.append(np.log(weight) - 0.5 * (z**2).sum(axis=0) - constant)
    return np.asarray(logsumexp(terms, axis=0))


def fit(x: np.ndarray, condition: np.ndarray | None, seed: int) -> LogProb:
    """Fit mixtures of more and more components and keep that of the least BIC."""
    standard = Standard(x, condition)
    rows = _join(standard.x, standard.condition)
    best, best_bic, best_count = GaussianMixture(), math.inf, 0
    for count in COUNTS:
        if count > min(len(rows), best_count + PATIENCE):
            break
        mixture = GaussianMixture(count, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(rows)
        bic = mixture.bic(rows)
        if bic < best_bic:
            best, best_bic, best_count = mixture, bic, count

    def log_prob(x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        v = _join(x, condition)
        joint = _log_mixture(v, best, v.shape[1])
        return joint if condition is None else joint - _log_mixture(v, best, condition.shape[1])

    return standard.undo(log_prob)
