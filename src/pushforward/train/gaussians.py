"""A mixture of Gaussians beside the flows of a fit, with the weight that held-out rows give it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import require
from .._shapes import is_shape
from ..bijections._fitted import is_pending
from ..distributions._base import AbstractDistribution
from ..distributions.mixture import Mixture
from ..supports import Real
from .objectives.data._base import AbstractDataObjective
from .objectives.data.evaluate import Evaluate
from .objectives.data.maximum_likelihood import MaximumLikelihood
from .rows.rows import Rows, float_dtype
from .start.gaussian_mixture import fit_gaussian_mixture

#: Up to so many rows, the training rows of each flow have a mixture of their own, and all validation rows judge.
FOLDED = 5_000
#: The least log-density, in nats, that a row counts with.
LEAST = -1e30


def choose_gaussians(given: bool | None, flow: AbstractDistribution, objective: AbstractDataObjective) -> bool:
    """Return whether a mixture of Gaussians may stand beside a flow, given the argument of a fit.

    Raises:
        ValueError: if it was asked for and cannot.
    """
    shapes = (flow.shape,) if flow.cond_shape is None else (flow.shape, flow.cond_shape)
    vectors = all(is_shape(shape) and len(shape) == 1 for shape in shapes)
    able = vectors and objective == MaximumLikelihood() and _is_real(flow)
    if given is None:
        return able and is_pending(flow)
    rule = "False unless the events are vectors without bounds or noise, and so are their conditions"
    require(able or not given, "gaussians", rule, given)
    return given


def _is_real(flow: AbstractDistribution) -> bool:
    try:
        return isinstance(flow.support, Real)
    except ValueError:
        return False


def equal_mixture(flows: Sequence[Any], table: Rows) -> AbstractDistribution:
    """Return the mixture of flows of equal weights, or the one flow."""
    return flows[0] if len(flows) == 1 else Mixture(flows, np.ones(len(flows), float_dtype(table.x)))


def add_gaussians(
    flows: Sequence[Any],
    table: Rows,
    used: np.ndarray,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    evaluate: Evaluate,
    seed: np.ndarray,
) -> AbstractDistribution:
    """Return the equal mixture q of the flows, and beside it a mixture of Gaussians g if held-out rows gain by it.

        p = w q + (1 - w) g,   w of the largest Σ_i log(w q_m(x_i) + (1 - w) g_m(x_i))

    over the validation rows, where q_m is the flow that has not seen row i, and neither has g_m. So a fit is not worse
    than Gaussians by more than a few of the validation rows can tell, and where flows are better, g is left out.

    Arguments:
        flows: the fitted flows.
        table: the data.
        used: the rows of positive weight.
        splits: the training and validation rows of each flow.
        evaluate: (flow, rows) -> the negative log-density of each row.
        seed: the data of a random key.

    Reference:
        "Stacked Density Estimation", Smyth, Wolpert, 1998.
    """
    together = equal_mixture(flows, table)
    if not len(splits[0][1]):
        return together

    def gaussians(rows: np.ndarray) -> Any:
        condition = None if table.condition is None else table.condition[rows]
        weights = None if table.weights is None else table.weights[rows]
        rng = np.random.default_rng([3, *seed.ravel().tolist()])
        return fit_gaussian_mixture(np.asarray(table.x[rows]), condition, weights, rng)

    folds = list(zip(flows, splits, strict=True))[: len(flows) if len(used) <= FOLDED else 1]
    of_flow, of_gaussians, weights, simple = [], [], [], None
    for flow, (train, val) in folds:
        simple = gaussians(train)
        of_flow.append(-evaluate(flow, val))
        of_gaussians.append(-evaluate(simple, val))
        weights.append(np.ones(len(val)) if table.weights is None else table.weights[val])
    log_q, log_g = (np.nan_to_num(np.concatenate(a), nan=-np.inf) for a in (of_flow, of_gaussians))
    weight = np.concatenate(weights) / np.mean(np.concatenate(weights))
    share, gain = _best_share(log_q, log_g, weight)
    # What the choice of one number gains by chance, twice.
    if simple is None or gain <= 1 / len(weight):
        return together
    weights_of_both = np.array([share, 1 - share], float_dtype(table.x))
    return Mixture([together, simple if len(used) > FOLDED else gaussians(used)], weights_of_both)


def _best_share(log_q: np.ndarray, log_g: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return the weight of q, and what the mixture gains over q per row.

    The prior of the weight is one more row for each, since a weight of zero would forbid what a new row may need.
    """
    from scipy.optimize import minimize_scalar

    log_q, log_g = np.maximum(log_q, LEAST), np.maximum(log_g, LEAST)

    def log_likelihoods(share: float) -> np.ndarray:
        return np.logaddexp(np.log(share) + log_q, np.log1p(-share) + log_g)

    def loss(share: float) -> float:
        return -float(weight @ log_likelihoods(share)) - math.log(share) - math.log1p(-share)

    found: Any = minimize_scalar(loss, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-6})
    share = float(found.x)
    return share, float(weight @ (log_likelihoods(share) - log_q)) / len(weight)
